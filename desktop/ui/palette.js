// Everything that can be done now, found by typing: each with its key, so that it is learnt. From the same table as the
// list of keys; nothing is remembered, and nothing that is found here decides.

import { dispatch, find as findRequests } from "./ipc.js";
import { actions, written } from "./keys.js";
import { byId, element, plain, textOf } from "./text.js";

/** @typedef {import("./types").Snapshot} Snapshot */
/** @typedef {{ group: string, text: string, keys: string[], run: () => void }} Entry */

/** The most that is shown at once. */
const MOST = 60;

const dialog = /** @type {HTMLDialogElement} */ (byId("palette"));
const input = /** @type {HTMLInputElement} */ (byId("palette-text"));
const list = byId("palette-list");
const told = byId("palette-told");

/** @type {Snapshot | null} */
let now = null;
/** @type {Entry[]} */
let found = [];
/** Requests that answer what is typed, as the console found them in the whole queue. @type {import("./types").QueueRow[]} */
let requests = [];
let at = 0;
/** @type {() => void} */
let closed = () => {};

/** Whether it lies over everything else. */
export const isPaletteOpen = () => dialog.open;

/**
 * Opens it over a screen; `then` is called when it is gone.
 * @param {Snapshot} snapshot
 * @param {() => void} then
 */
export function openPalette(snapshot, then) {
  if (dialog.open || snapshot.ceremony !== null || snapshot.question !== null || snapshot.reveal !== null || snapshot.help) return;
  now = snapshot;
  closed = then;
  input.value = "";
  requests = [];
  dialog.showModal();
  input.focus();
  search();
}

/**
 * What can be done on a screen: what its keys do, its lanes and tabs, the screens.
 * @param {Snapshot} snapshot
 * @returns {Entry[]}
 */
function entries(snapshot) {
  const all = actions(snapshot).map(({ text, keys, run }) => ({ group: "Do", text, keys, run }));
  if (snapshot.screen === "queue") {
    snapshot.queue.lanes.forEach(([title, count], lane) => {
      all.push({ group: "Lane", text: `${title}, ${count}`, keys: [String(lane + 1)], run: () => dispatch({ do: "lane", lane }) });
    });
  }
  snapshot.detail?.tabs.forEach(({ title }, tab) => {
    all.push({ group: "Tab", text: title, keys: tab < 10 ? [String((tab + 1) % 10)] : [], run: () => dispatch({ do: "read", tab }) });
  });
  return all;
}

/** @param {import("./types").QueueRow} row @returns {Entry} */
const requestEntry = (row) => ({
  group: "Request",
  text: `${row.risk.text}  ${row.kind.text}  ${textOf(row.target)}  ${row.agent}`,
  keys: [],
  run: () => dispatch({ do: "open", id: row.id }),
});

/** Shows at once what can be done, and the requests as soon as the console has found them. */
async function search() {
  const text = input.value;
  at = 0;
  requests = requests.filter((row) => answers(requestEntry(row), text));
  show();
  const answer = now === null || now.setup !== null ? [] : await findRequests(text);
  // What was typed meanwhile is asked by itself.
  if (dialog.open && input.value === text) {
    requests = answer;
    show();
  }
}

/**
 * Whether every word stands in an entry.
 * @param {Entry} entry
 * @param {string} typed
 */
function answers({ group, text }, typed) {
  const where = `${group} ${text}`.toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => where.includes(word));
}

function show() {
  if (now === null) return;
  const done = entries(now).filter((entry) => answers(entry, input.value));
  const all = [...done, ...requests.map(requestEntry)];
  told.textContent = all.length === 0 ? "Nothing answers to that" : all.length > MOST ? `The first ${MOST} of ${all.length}` : `${all.length} found`;
  found = all.slice(0, MOST);
  at = Math.min(at, Math.max(found.length - 1, 0));
  list.replaceChildren(...found.map(entryNode));
  point();
}

/**
 * @param {Entry} entry
 * @param {number} place
 */
function entryNode({ group, text, keys }, place) {
  const node = element("div", "palette-entry", plain(group, "palette-group"), plain(text, "palette-what"), ...keys.map((key) => element("kbd", "", written(key))));
  node.id = `palette-${place}`;
  node.setAttribute("role", "option");
  node.addEventListener("click", () => choose(place));
  return node;
}

function point() {
  [...list.children].forEach((node, place) => node.setAttribute("aria-selected", String(place === at)));
  const node = list.children[at];
  if (node) {
    input.setAttribute("aria-activedescendant", node.id);
    node.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

/** @param {number} place */
function choose(place) {
  const entry = found[place];
  close();
  entry?.run();
}

function close() {
  dialog.close();
  now = null;
  closed();
}

/** @param {number} by */
function move(by) {
  at = Math.min(Math.max(at + by, 0), Math.max(found.length - 1, 0));
  point();
}

input.addEventListener("input", search);
dialog.addEventListener("cancel", (event) => event.preventDefault());
dialog.addEventListener("keydown", (event) => {
  event.stopPropagation();
  if (event.isComposing) return;
  const control = event.ctrlKey && !event.altKey && !event.metaKey;
  if (event.key === "Escape" || (control && event.key === "k")) {
    event.preventDefault();
    close();
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (!event.repeat) choose(at);
  } else if (event.key === "ArrowDown" || (control && event.key === "n")) {
    event.preventDefault();
    move(1);
  } else if (event.key === "ArrowUp" || (control && event.key === "p")) {
    event.preventDefault();
    move(-1);
  } else if (event.key === "PageDown" || event.key === "PageUp") {
    event.preventDefault();
    move(event.key === "PageDown" ? 10 : -10);
  }
});
