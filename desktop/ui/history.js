// What is over: searched and paged in the console, and two pictures whose numbers stand in them as text.

import { dispatch } from "./ipc.js";
import { button, byId, draw, element, pieceNode, plain, textNodes } from "./text.js";

/** @typedef {import("./types").HistoryView} HistoryView */

/** Rows that one page has; the console gives no more. */
const PAGE = 80;

const text = /** @type {HTMLInputElement} */ (byId("history-text"));
const endings = byId("history-endings");
const told = byId("history-told");
const rows = byId("history-rows");
const pages = byId("history-pages");

let ending = 0;
let first = 0;

/** @param {HistoryView} view */
export function drawHistory(view) {
  // What is typed stays; a window that was made again is given it back.
  if (document.activeElement !== text) text.value = view.text;
  ending = Math.max(view.endings.findIndex(([, , shown]) => shown), 0);
  first = view.first;
  draw(endings, view.endings, endingNodes);
  const last = view.first + view.rows.length;
  const any = view.endings.some(([, count]) => count > 0) || view.text !== "";
  byId("history-none").hidden = any;
  byId("history-table").hidden = !any;
  told.textContent = !any ? "" : view.found === 0 ? "None is found" : `${view.first + 1} to ${last} of ${view.found}${view.more ? ", and more on their way" : ""}`;
  draw(rows, view.rows, (all) => all.map(rowNode));
  draw(pages, { first: view.first, found: view.found }, pageNodes);
  draw(byId("history-paces"), view.paces, (all) => all.map(paceNode));
  byId("history-paces-none").hidden = view.paces.length > 0;
  draw(byId("history-ages"), view.ages, ageNodes);
  draw(byId("history-waiting"), view.waiting, (all) => all.map(waitingNode));
}

/** @param {{ ending?: number, first?: number }} wanted */
function seek(wanted) {
  dispatch({ do: "seek", text: text.value, ending: wanted.ending ?? ending, first: wanted.first ?? 0 });
}

/** @param {HistoryView["endings"]} all */
function endingNodes(all) {
  return all.map(([title, count, shown], place) => {
    const node = button("lane", () => seek({ ending: place }), `${title} ${count}`);
    node.setAttribute("aria-pressed", String(shown));
    return node;
  });
}

/** @param {import("./types").PastRow} row */
function rowNode(row) {
  const open = button("past-open", () => dispatch({ do: "open", id: row.id }), ...textNodes(row.target));
  /** @param {...Node} what */
  const cell = (...what) => element("td", "", ...what);
  const head = element("th", "", open);
  head.setAttribute("scope", "row");
  const at = element("time", "", row.at);
  return element("tr", "", head, cell(pieceNode(row.state)), cell(pieceNode(row.risk)), cell(plain(row.kind)), cell(plain(row.agent)), cell(plain(row.by)), cell(plain(row.took)), cell(at));
}

/** @param {{ first: number, found: number }} where */
function pageNodes({ first, found }) {
  const newer = button("quiet", () => seek({ first: Math.max(first - PAGE, 0) }), "Newer");
  const older = button("quiet", () => seek({ first: first + PAGE }), "Older");
  newer.disabled = first === 0;
  older.disabled = first + PAGE >= found;
  return found > PAGE ? [newer, older] : [];
}

/**
 * A bar in thousandths of the longest. The number stands beside it.
 * @param {string} kind
 * @param {number} length
 */
function bar(kind, length) {
  const node = element("span", `bar ${kind}`);
  node.style.width = `${length / 10}%`;
  node.setAttribute("aria-hidden", "true");
  return node;
}

/** @param {import("./types").PaceView} pace */
function paceNode(pace) {
  const head = element("th", "", pieceNode(pace.risk));
  head.setAttribute("scope", "row");
  const bars = element("span", "bars", bar("bar-slow", pace.slow_bar), bar("bar-median", pace.median_bar));
  return element("tr", "", head, element("td", "", bars, pace.median), element("td", "", pace.slow), element("td", "", String(pace.count)));
}

/** @param {string[]} ages */
function ageNodes(ages) {
  return ["risk", ...ages].map((title) => {
    const node = element("th", "", title);
    node.setAttribute("scope", "col");
    return node;
  });
}

/** @param {import("./types").WaitingView} waiting */
function waitingNode({ risk, counts }) {
  const head = element("th", "", pieceNode(risk));
  head.setAttribute("scope", "row");
  // Where nothing waits, nothing is drawn: what is there stands out.
  const cells = counts.map(([count, length]) =>
    count === 0 ? element("td", "none", "0") : element("td", "", element("span", "bars", bar("bar-median", length)), String(count)),
  );
  return element("tr", "", head, ...cells);
}

text.addEventListener("input", () => seek({}));

export function focusHistory() {
  text.focus();
  text.select();
}

/**
 * Leaves the search; with `clear` everything is shown again.
 * @param {boolean} clear
 */
export function leaveHistory(clear) {
  if (clear && text.value) {
    text.value = "";
    seek({});
  }
  /** @type {HTMLElement | null} */ (rows.querySelector("button"))?.focus();
}

/**
 * Goes to another row.
 * @param {number} by
 */
export function moveHistory(by) {
  const all = /** @type {HTMLElement[]} */ ([...rows.querySelectorAll("button")]);
  const at = all.findIndex((node) => node === document.activeElement);
  all[Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
}

/** @param {number} by */
export function turnHistory(by) {
  if (by > 0) seek({ first: first + PAGE });
  else seek({ first: Math.max(first - PAGE, 0) });
}
