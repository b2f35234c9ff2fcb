// What of a sheet, or of a difference, is on screen. The console counts only lines that it gave, and only once they
// stayed.

import { dispatch } from "./ipc.js";

/** How often it is told at most, in milliseconds. */
const PAUSE = 100;

/** A place in a sheet: a line, and a character of it. @typedef {[number, number]} Position */

/**
 * Something that watches what is on screen of one thing at a time. `look` tells soon what is on screen of `name`, whose
 * lines are in `chunks`, within all of `panes`; `away` says that nothing is: the console knows by itself what covers it.
 * @param {(name: string, from: Position, to: Position) => import("./types").Input} said
 */
export function watcher(said) {
  let told = "";
  /** @type {{ name: string, panes: HTMLElement[], chunks: HTMLElement[] } | null} */
  let looking = null;
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  const tell = () => {
    timer = null;
    if (looking === null) {
      return;
    }
    const { name, panes, chunks } = looking;
    const boxes = panes.map((pane) => pane.getBoundingClientRect());
    const seen = stretch(chunks, Math.max(...boxes.map(({ top }) => top)), Math.min(...boxes.map(({ bottom }) => bottom)));
    const key = JSON.stringify([name, seen]);
    if (seen && key !== told) {
      told = key;
      dispatch(said(name, ...seen));
    }
  };
  return {
    /**
     * @param {string} name
     * @param {HTMLElement[]} panes
     * @param {HTMLElement[]} chunks
     */
    look(name, panes, chunks) {
      looking = { name, panes, chunks };
      timer ??= setTimeout(tell, PAUSE);
    },
    away() {
      looking = null;
      told = "";
    },
  };
}

/**
 * The stretch of lines that is wholly between two heights. Of a line higher than the screen, the characters that are.
 * @param {HTMLElement[]} chunks
 * @param {number} top
 * @param {number} bottom
 * @returns {[Position, Position] | null}
 */
function stretch(chunks, top, bottom) {
  /** @type {Position | null} */
  let from = null;
  /** @type {Position | null} */
  let to = null;
  const near = chunks.filter((chunk) => {
    const box = chunk.getBoundingClientRect();
    return chunk.firstChild && box.bottom > top && box.top < bottom;
  });
  near.sort((one, other) => Number(one.dataset.first) - Number(other.dataset.first));
  for (const chunk of near) {
    let line = Number(chunk.dataset.first) - 1;
    for (const node of chunk.children) {
      line += 1;
      const box = node.getBoundingClientRect();
      if (box.bottom <= top || box.top >= bottom) continue;
      const whole = box.top >= top - 0.5 && box.bottom <= bottom + 0.5;
      if (whole) {
        from ??= [line, 0];
        to = [line + 1, 0];
      } else if (box.height > bottom - top) {
        const part = characters(node, top, bottom);
        if (part) {
          from ??= [line, part[0]];
          to = [line, part[1]];
        }
      }
    }
  }
  return from && to ? [from, to] : null;
}

/**
 * The first character of a line that is on screen, and the first after it that is not.
 * @param {Element} node
 * @param {number} top
 * @param {number} bottom
 * @returns {[number, number] | null}
 */
function characters(node, top, bottom) {
  const content = node.querySelector(".content");
  if (content === null) return null;
  /** @type {[Text, number][]} each text with the characters before it */
  const texts = [];
  let length = 0;
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
    texts.push([/** @type {Text} */ (text), length]);
    length += [...(text.textContent ?? "")].length;
  }
  const range = document.createRange();
  /** @param {number} at */
  const boxOf = (at) => {
    const [text, before] = texts.findLast(([, before]) => before <= at) ?? [null, 0];
    if (text === null) return null;
    const units = [...(text.textContent ?? "")].slice(0, at - before).join("").length;
    range.setStart(text, units);
    range.setEnd(text, Math.min(units + 1, text.length));
    return range.getBoundingClientRect();
  };
  // Lines of a wrapped line come one under the other, so both ends can be searched for by halving.
  /** @param {(box: DOMRect) => boolean} before */
  const first = (before) => {
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const box = boxOf(middle);
      if (box && before(box)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const start = first((box) => box.top < top - 0.5);
  const end = first((box) => box.bottom <= bottom + 0.5);
  return start < end ? [start, end] : null;
}
