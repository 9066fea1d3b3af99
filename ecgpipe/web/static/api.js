// Requests to the server this page came from. The session's token is kept in this tab only: there is no cookie.

const KEY = "ecgpipe-session";
let token = sessionStorage.getItem(KEY) || "";
let visit = 0; // how often this tab was loaded: a late farewell of the last time counts for nothing
let whenOver = () => {};

export class Refused extends Error {}

/** What to do when the session has ended. */
export function onOver(handler) {
  whenOver = handler;
}

/** The session of this tab, gone on with after the page was loaded anew, else a new one; what the server offers. */
export async function begin() {
  if (token) {
    const answer = await fetch("/api/session", { headers: { "X-Session": token } });
    if (answer.ok) {
      const offers = await answer.json();
      visit = offers.visit;
      return offers;
    }
  }
  const offers = await (await checked(await fetch("/api/sessions", { method: "POST" }))).json();
  ({ token, visit } = offers);
  sessionStorage.setItem(KEY, token);
  return offers;
}

/** End the session: the server deletes its files. */
export async function end() {
  await request("/api/session", { method: "DELETE" });
  sessionStorage.removeItem(KEY);
}

/** Say that the tab is being closed, or loaded anew. */
export function leave() {
  const farewell = { method: "POST", headers: { "X-Session": token }, keepalive: true };
  if (token) fetch(`/api/session/leave/${visit}`, farewell).catch(() => {});
}

/** The answer to a request, which `signal` may abort; throws Refused with the server's line. */
export async function request(path, { method = "GET", body, signal } = {}) {
  const headers = { "X-Session": token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused("The server does not answer. Is ecgpipe web still running?");
  }
  return checked(answer);
}

export const json = async (path, options) => (await request(path, options)).json();

/** Send a file as it is, without its name; `progress` is given shares of it. Resolves to the new page. */
export function upload(file, progress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", "/api/uploads");
    sending.setRequestHeader("X-Session", token);
    sending.setRequestHeader("Content-Type", "application/octet-stream");
    sending.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    sending.onload = () => {
      const answer = parsed(sending.responseText);
      if (sending.status === 200) return resolve(answer);
      if (sending.status === 401) whenOver(answer.error);
      reject(new Refused(answer.error || `the server refused it (${sending.status})`));
    };
    sending.onerror = () => reject(new Refused("the connection broke while it was sent; send it again"));
    sending.send(file);
  });
}

async function checked(answer) {
  if (answer.ok) return answer;
  const { error } = parsed(await answer.text());
  if (answer.status === 401) whenOver(error);
  throw new Refused(error || `The server refused this (${answer.status}).`);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
