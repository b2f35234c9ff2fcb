// The lines of a tab. Only those near the screen are in the page; a sheet or a document may have any length.

import { lines as fetchLines } from "./ipc.js";
import { watcher } from "./sight.js";
import { byId, element, textNodes, textOf } from "./text.js";

/** @typedef {import("./types").PaneLine} PaneLine */
/** @typedef {import("./types").Piece} Piece */

/** Lines fetched at once, and given with a tab. */
export const CHUNK = 100;
/** Chunks in the page at most, whatever the style sheet or the window does. */
const MOST = 12;
/** The deepest indent that a wrapped line keeps. */
const DEEPEST = 24;
/** The height of a line that was not drawn yet. */
const GUESS = 21;

const pane = byId("lines");
const sight = watcher((view, from, to) => ({ do: "showing", view, from, to }));

/** @type {string | null} */
let key = null;
/** @type {string | null} */
let place = null;
/** The line that the console last wanted on top, and how often it had wanted one. */
let begun = [0, 0];
/** @type {Set<HTMLElement>} */
let live = new Set();
/** @type {IntersectionObserver | null} */
let observer = null;
/** The digest of the sheet that is read, where a sheet is. @type {string | null} */
let sheet = null;

/**
 * Draws a tab, with the lines that came with it; with `covered` something lies over it.
 * @param {import("./types").Tab | null} tab
 * @param {import("./types").Lines | null} given
 * @param {boolean} covered
 */
export function drawLines(tab, given, covered) {
  sheet = covered ? null : (tab?.sheet ?? null);
  if ((tab?.key ?? null) === key) {
    begin(tab?.top ?? 0, tab?.jump ?? 0);
    report();
    return;
  }
  const samePlace = tab !== null && placeOf(tab.key) === place;
  key = tab?.key ?? null;
  place = tab && placeOf(tab.key);
  observer?.disconnect();
  live = new Set();
  sight.away();
  const top = samePlace ? pane.scrollTop : 0;
  /** @type {HTMLElement[]} */
  const chunks = [];
  for (let first = 0; tab && first < tab.len; first += CHUNK) {
    const chunk = element("div", "chunk");
    chunk.dataset.first = String(first);
    chunk.style.height = `${Math.min(CHUNK, tab.len - first) * GUESS}px`;
    chunks.push(chunk);
  }
  const begins = given !== null && given.key === key ? chunks[given.first / CHUNK] : undefined;
  if (given !== null && begins !== undefined) {
    live.add(begins);
    put(begins, given);
  }
  pane.replaceChildren(...chunks);
  const watching = new IntersectionObserver(arrived, { root: pane, rootMargin: "800px 0px" });
  chunks.forEach((chunk) => watching.observe(chunk));
  observer = watching;
  pane.scrollTop = top;
  if (!samePlace) begun = [0, tab?.jump ?? 0];
  begin(tab?.top ?? 0, tab?.jump ?? 0);
  if (begins !== undefined) report();
}

/**
 * Brings the line on top that the console wants there, when it wants another one than before.
 * @param {number} line
 * @param {number} jump
 */
async function begin(line, jump) {
  if (line === begun[0] && jump === begun[1]) {
    return;
  }
  begun = [line, jump];
  const chunk = /** @type {HTMLElement | undefined} */ (pane.children[Math.floor(line / CHUNK)]);
  if (chunk) {
    chunk.scrollIntoView({ block: "start", behavior: "instant" });
    await fill(chunk);
    chunk.children[line % CHUNK]?.scrollIntoView({ block: "start", behavior: "instant" });
  }
}

/**
 * A tab stays the same place while only decisions come in: same request, same sheet, same tab.
 * @param {string} tabKey
 */
function placeOf(tabKey) {
  return tabKey.split("/").slice(0, 3).join("/");
}

/** @param {IntersectionObserverEntry[]} entries */
function arrived(entries) {
  for (const { target, isIntersecting } of entries) {
    const chunk = /** @type {HTMLElement} */ (target);
    if (isIntersecting) {
      fill(chunk);
    } else {
      drop(chunk);
    }
  }
}

/** @param {HTMLElement} chunk */
async function fill(chunk) {
  if (live.has(chunk) || live.size >= MOST) {
    return;
  }
  live.add(chunk);
  const wanted = key;
  const answer = await fetchLines(Number(chunk.dataset.first), CHUNK);
  // What belongs to another tab by now is not drawn.
  if (answer.key === wanted && key === wanted && live.has(chunk)) {
    put(chunk, answer);
    report();
  }
}

/**
 * @param {HTMLElement} chunk
 * @param {import("./types").Lines} answer
 */
function put(chunk, answer) {
  chunk.replaceChildren(...answer.lines.map(lineNode));
  chunk.style.height = "";
}

/** @param {HTMLElement} chunk */
function drop(chunk) {
  if (live.delete(chunk) && chunk.firstChild) {
    chunk.style.height = `${chunk.offsetHeight}px`;
    chunk.replaceChildren();
  }
}

/** Tells what of the sheet is on screen now. */
function report() {
  if (sheet === null || document.visibilityState !== "visible") {
    sight.away();
  } else {
    sight.look(sheet, [pane], [...live]);
  }
}

pane.addEventListener("scroll", report, { passive: true });
window.addEventListener("resize", report);
document.addEventListener("visibilitychange", report);

/** The line that is on top. */
export function topLine() {
  const top = pane.getBoundingClientRect().top;
  for (const chunk of live) {
    const box = chunk.getBoundingClientRect();
    if (box.top <= top + 1 && box.bottom > top + 1) {
      const place = [...chunk.children].findIndex((line) => line.getBoundingClientRect().bottom > top + 1);
      return Number(chunk.dataset.first) + Math.max(place, 0);
    }
  }
  return 0;
}

/** @param {PaneLine} line */
function lineNode({ gutter, text, beside, columns }) {
  if (columns.length > 0) {
    return element("div", "line columns", ...columns.map(column));
  }
  if (beside) {
    return element("div", "line pair", half(gutter, text), half(...beside));
  }
  const node = half(gutter, text);
  node.classList.add("line");
  return node;
}

/** @param {import("./types").Column} column */
function column({ label, text }) {
  const node = half([], text);
  if (label) {
    node.title = label;
  }
  return node;
}

/**
 * @param {Piece[]} gutter
 * @param {Piece[]} text
 */
function half(gutter, text) {
  const node = element("div", kindOf(text));
  if (gutter.length > 0) {
    const numbers = element("span", "gutter", ...textNodes(gutter));
    numbers.setAttribute("aria-hidden", "true");
    node.append(numbers);
  }
  const content = element("span", "content", ...textNodes(text));
  const indent = indentOf(text);
  content.style.paddingLeft = `${indent}ch`;
  content.style.textIndent = `-${indent}ch`;
  node.append(content);
  return node;
}

/**
 * How far a line that wraps goes on to the right: as far as it began, its sign included.
 * @param {Piece[]} text
 */
function indentOf(text) {
  const start = /^[-+▸]? */.exec(textOf(text))?.[0] ?? "";
  return Math.min(start.length, DEEPEST);
}

/**
 * What a line is as a whole: its ground. Signs in the text say the same.
 * @param {Piece[]} text
 */
function kindOf(text) {
  for (const { tone } of text) {
    if (tone === "added" || tone === "added-mark") return "line-added";
    if (tone === "removed" || tone === "removed-mark") return "line-removed";
    if (tone === "hunk") return "line-hunk";
    if (tone === "heading") return "line-heading";
    if (tone === "claim") return "line-claim";
  }
  return "";
}

/**
 * Scrolls by lines, by screens, or to an end.
 * @param {"down" | "up" | "page" | "back" | "half" | "half-back" | "top" | "end"} how
 */
export function scrollLines(how) {
  const page = pane.clientHeight - 2 * GUESS;
  if (how === "top") {
    pane.scrollTo({ top: 0, behavior: "instant" });
  } else if (how === "end") {
    toEnd();
  } else {
    const by = { down: 3 * GUESS, up: -3 * GUESS, page, back: -page, half: page / 2, "half-back": -page / 2 };
    pane.scrollBy({ top: by[how] });
  }
}

/** To the end: again once the last lines are drawn, which may be higher than was guessed. */
async function toEnd() {
  const end = () => pane.scrollTo({ top: pane.scrollHeight, behavior: "instant" });
  end();
  const last = /** @type {HTMLElement | null} */ (pane.lastElementChild);
  if (last) {
    await fill(last);
    end();
    requestAnimationFrame(() => requestAnimationFrame(end));
  }
}
