// The lines of a tab. Only those near the screen are in the page; a sheet or a document may have any length.

import { lines as fetchLines } from "./ipc.js";
import { element, textNodes, textOf } from "./text.js";

/** Lines fetched at once. */
const CHUNK = 100;
/** Chunks in the page at most, whatever the style sheet or the window does. */
const MOST = 12;
/** The deepest indent that a wrapped line keeps. */
const DEEPEST = 24;
/** The height of a line that was not drawn yet. */
const GUESS = 21;

const pane = document.getElementById("lines");

let key = null;
let place = null;
/** The line that the console last wanted on top. */
let begun = 0;
/** @type {Set<HTMLElement>} */
let live = new Set();
let observer = null;

/** @param {import("./types").Tab | null} tab */
export function drawLines(tab) {
  if ((tab?.key ?? null) === key) {
    begin(tab?.top ?? 0);
    return;
  }
  const samePlace = tab !== null && placeOf(tab.key) === place;
  key = tab?.key ?? null;
  place = tab && placeOf(tab.key);
  observer?.disconnect();
  live = new Set();
  const top = samePlace ? pane.scrollTop : 0;
  const chunks = [];
  for (let first = 0; tab && first < tab.len; first += CHUNK) {
    const chunk = element("div", "chunk");
    chunk.dataset.first = String(first);
    chunk.style.height = `${Math.min(CHUNK, tab.len - first) * GUESS}px`;
    chunks.push(chunk);
  }
  pane.replaceChildren(...chunks);
  observer = new IntersectionObserver(arrived, { root: pane, rootMargin: "800px 0px" });
  chunks.forEach((chunk) => observer.observe(chunk));
  pane.scrollTop = top;
  if (samePlace) {
    begin(tab.top);
  } else {
    begun = 0;
    begin(tab?.top ?? 0);
  }
}

/** Brings the line on top that the console wants there, when it wants another one than before. */
async function begin(line) {
  if (line === begun) {
    return;
  }
  begun = line;
  const chunk = pane.children[Math.floor(line / CHUNK)];
  if (chunk) {
    chunk.scrollIntoView({ block: "start", behavior: "instant" });
    await fill(chunk);
    chunk.children[line % CHUNK]?.scrollIntoView({ block: "start", behavior: "instant" });
  }
}

/** A tab stays the same place while only decisions come in: same request, same sheet, same tab. */
function placeOf(tabKey) {
  return tabKey.split("/").slice(0, 3).join("/");
}

function arrived(entries) {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) {
      fill(target);
    } else {
      drop(target);
    }
  }
}

async function fill(chunk) {
  if (live.has(chunk) || live.size >= MOST) {
    return;
  }
  live.add(chunk);
  const wanted = key;
  const answer = await fetchLines(Number(chunk.dataset.first), CHUNK);
  // What belongs to another tab by now is not drawn.
  if (answer.key === wanted && key === wanted && live.has(chunk)) {
    chunk.replaceChildren(...answer.lines.map(lineNode));
    chunk.style.height = "";
  }
}

function drop(chunk) {
  if (live.delete(chunk) && chunk.firstChild) {
    chunk.style.height = `${chunk.offsetHeight}px`;
    chunk.replaceChildren();
  }
}

/** @param {import("./types").PaneLine} line */
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

function column({ label, text }) {
  const node = half([], text);
  if (label) {
    node.title = label;
  }
  return node;
}

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

/** How far a line that wraps goes on to the right: as far as it began, its sign included. */
function indentOf(text) {
  const [start] = /^[-+▸]? */.exec(textOf(text));
  return Math.min(start.length, DEEPEST);
}

/** What a line is as a whole: its ground. Signs in the text say the same. */
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

/** Scrolls by lines, by screens, or to an end. */
export function scrollLines(how) {
  const page = pane.clientHeight - 2 * GUESS;
  const by = { down: 3 * GUESS, up: -3 * GUESS, page, back: -page, top: -Infinity, end: Infinity }[how];
  if (Number.isFinite(by)) {
    pane.scrollBy({ top: by });
  } else if (by < 0) {
    pane.scrollTo({ top: 0, behavior: "instant" });
  } else {
    toEnd();
  }
}

/** To the end: again once the last lines are drawn, which may be higher than was guessed. */
async function toEnd() {
  const end = () => pane.scrollTo({ top: pane.scrollHeight, behavior: "instant" });
  end();
  if (pane.lastElementChild) {
    await fill(pane.lastElementChild);
    end();
    requestAnimationFrame(() => requestAnimationFrame(end));
  }
}
