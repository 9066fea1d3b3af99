"""The commands that read and score, a module each; slow imports stand inside the functions that need them."""
