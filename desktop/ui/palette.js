// Everything that can be done now, found by typing: each with its key, so that it is learnt. From the same table as the
// list of keys; nothing is remembered, and nothing that is found here decides.

import { dispatch } from "./ipc.js";
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
  if (dialog.open || snapshot.ceremony !== null || snapshot.question !== null || snapshot.help) return;
  now = snapshot;
  closed = then;
  input.value = "";
  dialog.showModal();
  input.focus();
  find();
}

/**
 * What can be done on a screen: what its keys do, its lanes and tabs, the screens, the requests that are shown.
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
  for (const row of snapshot.queue.rows) {
    const text = `${row.risk.text}  ${row.kind.text}  ${textOf(row.target)}  ${row.agent}`;
    all.push({ group: "Request", text, keys: [], run: () => dispatch({ do: "open", id: row.id }) });
  }
  return all;
}

function find() {
  if (now === null) return;
  const words = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const all = entries(now).filter(({ group, text }) => {
    const where = `${group} ${text}`.toLowerCase();
    return words.every((word) => where.includes(word));
  });
  told.textContent = all.length === 0 ? "Nothing answers to that" : all.length > MOST ? `The first ${MOST} of ${all.length}` : `${all.length} found`;
  found = all.slice(0, MOST);
  at = 0;
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

input.addEventListener("input", find);
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
