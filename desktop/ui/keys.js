// What keys mean on each screen: one table, from which hints, help and the meaning of a key come.

/** @typedef {import("./types").Snapshot} Snapshot */
/** @typedef {Snapshot["screen"]} Screen */
/** @typedef {import("./types").Input} Input */
/** @typedef {{ keys: string[], on: Screen[], when?: (now: Snapshot) => boolean, does: (now: Snapshot) => Input | (() => void) | null, text: string, hint?: string }} Binding */

import { focusFind } from "./detail.js";
import { dispatch } from "./ipc.js";
import { scrollLines, topLine } from "./lines.js";
import { focusHistory, moveHistory, turnHistory } from "./history.js";
import { focusFilter } from "./queue.js";
import { stepRegion } from "./regions.js";

/** @type {Screen[]} */
const LISTS = ["queue"];
/** @type {Screen[]} */
const READING = ["detail", "batch"];
/** @type {Screen[]} */
const DETAIL = ["detail"];
/** @type {Screen[]} */
const BATCH = ["batch"];
/** @type {Screen[]} */
const PAGES = ["queue", "detail", "batch"];
/** @type {Screen[]} */
const ALL = ["first-run", "queue", "detail", "batch", "history", "keys", "settings"];
/** @type {Screen[]} */
const ASIDE = ["history", "keys", "settings"];
/** @type {Screen[]} */
const USED = [...PAGES, ...ASIDE];
/** @type {Screen[]} */
const PAST = ["history"];

/**
 * Whether what is read can be decided: a file of evidence, for one, can't.
 * @param {Snapshot} now
 */
const decides = (now) => now.screen === "batch" || (now.detail?.decides ?? false);

/** Opens the palette; the page says how. @type {(now: Snapshot) => void} */
let open = () => {};

/** @param {(now: Snapshot) => void} how */
export function opensPalette(how) {
  open = how;
}

/** @param {Snapshot} now */
const palette = (now) => () => open(now);

/** @param {number} place @returns {Binding[]} */
const numbered = (place) => {
  const key = String((place + 1) % 10);
  return [
    { keys: [key], on: LISTS, does: () => ({ do: "lane", lane: place }), text: "" },
    { keys: [key], on: DETAIL, does: () => ({ do: "read", tab: place }), text: "" },
  ];
};

/** @type {Binding[]} */
export const BINDINGS = [
  { keys: ["j", "ArrowDown"], on: LISTS, does: () => ({ do: "move", by: 1 }), text: "Move in the queue", hint: "move" },
  { keys: ["k", "ArrowUp"], on: LISTS, does: () => ({ do: "move", by: -1 }), text: "" },
  { keys: ["j", "ArrowDown"], on: READING, does: () => () => scrollLines("down"), text: "Scroll", hint: "scroll" },
  { keys: ["k", "ArrowUp"], on: READING, does: () => () => scrollLines("up"), text: "" },
  { keys: [" ", "PageDown", "Ctrl-f"], on: READING, does: () => () => scrollLines("page"), text: "A page down" },
  { keys: ["PageUp", "Ctrl-b"], on: READING, does: () => () => scrollLines("back"), text: "A page up" },
  { keys: ["Ctrl-d"], on: READING, does: () => () => scrollLines("half"), text: "Half a page down" },
  { keys: ["Ctrl-u"], on: READING, does: () => () => scrollLines("half-back"), text: "Half a page up" },
  { keys: [" ", "PageDown", "Ctrl-d", "Ctrl-f"], on: LISTS, does: () => ({ do: "move", by: 8 }), text: "" },
  { keys: ["PageUp", "Ctrl-u", "Ctrl-b"], on: LISTS, does: () => ({ do: "move", by: -8 }), text: "" },
  { keys: ["g", "Home"], on: READING, does: () => () => scrollLines("top"), text: "To the top" },
  { keys: ["G", "End"], on: READING, does: () => () => scrollLines("end"), text: "To the end" },
  { keys: ["g", "Home"], on: LISTS, does: () => ({ do: "first" }), text: "To the top" },
  { keys: ["G", "End"], on: LISTS, does: () => ({ do: "last" }), text: "To the end" },

  { keys: ["Enter", "o"], on: LISTS, does: () => ({ do: "enter" }), text: "Read the request", hint: "read" },
  { keys: ["Enter"], on: DETAIL, does: () => ({ do: "enter" }), text: "Go to the line of a finding" },
  { keys: ["Enter", "o"], on: BATCH, does: () => ({ do: "enter" }), text: "Read this one by itself" },
  { keys: ["]", "ArrowRight"], on: LISTS, does: () => ({ do: "next-lane" }), text: "Next lane", hint: "lane" },
  { keys: ["[", "ArrowLeft"], on: LISTS, does: () => ({ do: "previous-lane" }), text: "" },
  { keys: ["]", "ArrowRight"], on: DETAIL, does: () => ({ do: "next-tab" }), text: "Next tab", hint: "tab" },
  { keys: ["[", "ArrowLeft"], on: DETAIL, does: () => ({ do: "previous-tab" }), text: "" },
  { keys: ["]", "ArrowRight"], on: BATCH, does: () => ({ do: "move", by: 1 }), text: "Next request", hint: "request" },
  { keys: ["[", "ArrowLeft"], on: BATCH, does: () => ({ do: "move", by: -1 }), text: "" },
  ...Array.from({ length: 10 }, (_, place) => numbered(place)).flat(),
  { keys: ["J"], on: DETAIL, does: () => ({ do: "other", by: 1 }), text: "Read the next request" },
  { keys: ["K"], on: DETAIL, does: () => ({ do: "other", by: -1 }), text: "Read the request before" },
  { keys: ["n"], on: READING, does: () => ({ do: "next-mark", from: topLine() }), text: "Next change, finding or match", hint: "next" },
  { keys: ["N"], on: READING, does: () => ({ do: "previous-mark", from: topLine() }), text: "The one before" },
  { keys: ["u"], on: READING, does: () => ({ do: "unseen" }), text: "To what was not on screen yet" },
  { keys: ["!"], on: DETAIL, does: () => ({ do: "suspicious" }), text: "To suspicious text" },
  { keys: ["v"], on: DETAIL, does: () => ({ do: "beside" }), text: "Both sides beside each other" },
  { keys: ["z"], on: DETAIL, does: () => ({ do: "fold" }), text: "Fold what did not change" },
  { keys: ["/"], on: LISTS, does: () => focusFilter, text: "Search requests", hint: "search" },
  { keys: ["/"], on: DETAIL, does: () => focusFind, text: "Search this tab" },
  { keys: ["z"], on: LISTS, does: () => ({ do: "groups" }), text: "In groups, or not" },
  { keys: ["s"], on: LISTS, does: () => ({ do: "reorder" }), text: "Order by something else" },
  { keys: ["r"], on: READING, does: () => ({ do: "look-again" }), text: "Look again at what moved" },
  { keys: ["r"], on: ["first-run"], does: () => ({ do: "refresh" }), text: "Look again", hint: "look again" },

  { keys: ["A"], on: READING, when: decides, does: () => ({ do: "begin", verdict: "approve" }), text: "Begin to approve", hint: "approve" },
  { keys: ["D"], on: READING, when: decides, does: () => ({ do: "begin", verdict: "deny" }), text: "Begin to deny", hint: "deny" },
  { keys: ["C"], on: DETAIL, when: decides, does: () => ({ do: "counter" }), text: "Propose less instead" },
  { keys: ["t"], on: DETAIL, when: decides, does: () => ({ do: "ask" }), text: "Ask the agent" },
  { keys: ["s"], on: DETAIL, does: () => ({ do: "reveal" }), text: "Show a masked secret" },
  { keys: ["x"], on: LISTS, does: () => ({ do: "mark" }), text: "Mark, to decide together" },
  { keys: ["X"], on: LISTS, does: () => ({ do: "mark-alike" }), text: "Mark all that look alike" },
  { keys: ["B"], on: LISTS, does: () => ({ do: "read-marked" }), text: "Read the marked together" },
  { keys: ["x"], on: BATCH, does: () => ({ do: "mark" }), text: "Take this one out", hint: "take out" },

  { keys: ["/"], on: PAST, does: () => focusHistory, text: "Search what is over", hint: "search" },
  { keys: ["j", "ArrowDown"], on: PAST, does: () => () => moveHistory(1), text: "Next row", hint: "move" },
  { keys: ["k", "ArrowUp"], on: PAST, does: () => () => moveHistory(-1), text: "Row before" },
  { keys: ["PageDown"], on: PAST, does: () => () => turnHistory(1), text: "Older" },
  { keys: ["PageUp"], on: PAST, does: () => () => turnHistory(-1), text: "Newer" },

  { keys: ["Ctrl-1"], on: USED, does: () => ({ do: "go", to: "requests" }), text: "Requests" },
  { keys: ["Ctrl-2"], on: USED, does: () => ({ do: "go", to: "history" }), text: "History" },
  { keys: ["Ctrl-3"], on: USED, does: () => ({ do: "go", to: "keys" }), text: "Keys of this machine" },
  { keys: ["Ctrl-4"], on: USED, does: () => ({ do: "go", to: "settings" }), text: "Settings" },
  { keys: ["Ctrl-k"], on: USED, does: palette, text: "Find anything that can be done", hint: "find" },

  // Wherever the keyboard is, in dialogs too; the page listens for these first.
  { keys: ["Ctrl-+", "Ctrl-="], on: ALL, does: () => ({ do: "zoom", by: 1 }), text: "Everything larger" },
  { keys: ["Ctrl--"], on: ALL, does: () => ({ do: "zoom", by: -1 }), text: "Everything smaller" },
  { keys: ["Ctrl-0"], on: ALL, does: () => ({ do: "zoom", by: 0 }), text: "Everything as large as usual" },
  { keys: ["y"], on: PAGES, does: () => ({ do: "copy" }), text: "Copy id, digest or target" },
  { keys: ["R"], on: [...PAGES, "keys"], does: () => ({ do: "refresh" }), text: "Fetch again" },
  { keys: ["F6"], on: USED, does: () => () => stepRegion(1), text: "To the next part of the window" },
  { keys: ["Shift-F6"], on: USED, does: () => () => stepRegion(-1), text: "" },
  // The keys of the desktop itself: they are listed, and done by the engine.
  { keys: ["Tab"], on: ALL, does: () => null, text: "To the next field or button; Shift goes back" },
  { keys: ["Escape"], on: LISTS, when: (now) => now.queue.filter !== null, does: () => ({ do: "back" }), text: "Clear the search", hint: "clear the search" },
  { keys: ["Escape"], on: [...READING, ...ASIDE], does: () => ({ do: "back" }), text: "Back", hint: "back" },
  { keys: ["?", "F1"], on: ALL, does: () => ({ do: "help" }), text: "This list", hint: "keys" },
];

/** How keys are written. @type {Record<string, string>} */
const WRITTEN = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", " ": "Space", PageDown: "PgDn", PageUp: "PgUp", Escape: "Esc" };

/** @param {string} key */
export const written = (key) => WRITTEN[key] ?? key;

/**
 * What a key means wherever the keyboard is.
 * @param {Snapshot} now
 * @param {KeyboardEvent} event
 */
export function everywhere(now, event) {
  const zooms = event.ctrlKey && !event.altKey && !event.metaKey && ["+", "=", "-", "0"].includes(event.key);
  return zooms ? meaning(now, event) : null;
}

/**
 * A key with what is held with it, as the table has it.
 * @param {KeyboardEvent} event
 */
function keyOf(event) {
  if (event.ctrlKey) return `Ctrl-${event.key}`;
  return event.key === "F6" && event.shiftKey ? "Shift-F6" : event.key;
}

/**
 * What a key means on a screen. One that does nothing now is said all the same: the console answers why.
 * @param {Snapshot} now
 * @param {KeyboardEvent} event
 */
export function meaning(now, event) {
  const key = keyOf(event);
  const bound = BINDINGS.find(({ keys, on }) => on.includes(now.screen) && keys.includes(key));
  return bound?.does(now) ?? null;
}

/**
 * The keys that do something now.
 * @param {Snapshot} now
 */
const meant = (now) => BINDINGS.filter(({ on, when }) => on.includes(now.screen) && (when?.(now) ?? true));

/**
 * What keys do now, for the list of them.
 * @param {Snapshot} now
 */
export const listed = (now) => meant(now).filter(({ text }) => text !== "");

/**
 * What the bottom line names.
 * @param {Snapshot} now
 * @returns {[string, string][]}
 */
export const hints = (now) => meant(now).flatMap(({ keys, hint }) => (hint ? [[written(keys[0] ?? ""), hint]] : []));

/**
 * What can be done on a screen, for the palette.
 * @param {Snapshot} now
 */
export function actions(now) {
  const hidden = ["Ctrl-k", "j", "k", "Tab", "F6"];
  return listed(now)
    .filter(({ keys }) => !hidden.includes(keys[0] ?? ""))
    .map(({ keys, text, does }) => ({ keys, text, run: () => perform(does(now)) }));
}

/**
 * Does what a key means.
 * @param {Input | (() => void) | null} means
 */
export function perform(means) {
  if (typeof means === "function") means();
  else if (means !== null) dispatch(means);
}
