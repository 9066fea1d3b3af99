"""The web page: `ecgpipe web`. A server on loopback, one process that reads, one static page without a build step.

`server` binds and runs, `app` has the routes, `guard` refuses what does not come from the page itself, `store` keeps
sessions, `desk` queues their pages for the `worker`, whose function is in `reader`. `views` are readings as the page
draws them, `edits` what somebody changed by hand, `downloads` the files that leave.
"""
