// Text from the console as nodes. Foreign text is escaped before it comes here; it is only ever set as text,
// and each piece stands in isolation, so that it cannot reorder what stands beside it.

/** @typedef {import("./types").Piece} Piece */
/** @typedef {import("./types").Tone} Tone */

/** @param {Tone} tone */
const toneClass = (tone) => (typeof tone === "string" ? `tone-${tone}` : `tone-risk risk-${tone.risk}`);

/**
 * The element of the page with an id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`the page has no ${id}`);
  return node;
}

/**
 * @param {Piece} piece
 * @returns {HTMLElement}
 */
export function pieceNode(piece) {
  const span = document.createElement("span");
  span.className = toneClass(piece.tone);
  span.dir = "auto";
  span.textContent = piece.text;
  return span;
}

/** @param {Piece[]} text */
export const textNodes = (text) => text.map(pieceNode);

/** Where lines may break well: behind a slash, and not within a moment. */
const BREAKS = /(\d{4}-\d\d-\d\dT[\d:.]{8,12}Z|\/(?!\/))/;

/**
 * The same text, where its lines are broken as people would.
 * @param {Piece[]} text
 */
export function wellBroken(text) {
  return text.map((piece) => {
    const node = pieceNode({ ...piece, text: "" });
    for (const [place, part] of piece.text.split(BREAKS).entries()) {
      // Every second part is one that was looked for.
      if (place % 2 === 0) node.append(part);
      else if (part === "/") node.append(part, document.createElement("wbr"));
      else node.append(element("span", "whole", part));
    }
    return node;
  });
}

/**
 * An element with a class and children.
 * @param {string} name
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(name, className, ...children) {
  const node = document.createElement(name);
  node.className = className;
  node.append(...children);
  return node;
}

/**
 * A button that does something when it is pressed.
 * @param {string} className
 * @param {() => void} press
 * @param {...(Node | string)} children
 * @returns {HTMLButtonElement}
 */
export function button(className, press, ...children) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = className;
  node.append(...children);
  node.addEventListener("click", press);
  return node;
}

/**
 * Isolated plain text.
 * @param {string} text
 * @param {string} className
 */
export function plain(text, className = "") {
  const span = element("span", className);
  span.dir = "auto";
  span.textContent = text;
  return span;
}

/** @param {Piece[]} text */
export const textOf = (text) => text.map((piece) => piece.text).join("");

/**
 * A text of at most so many characters: what is left out of a longer one is its middle, for names differ at their ends. Only
 * for lists; all of it stands where it is read.
 * @param {Piece[]} text
 * @param {number} most
 * @returns {Piece[]}
 */
export function middle(text, most) {
  const signs = text.flatMap(({ text, tone }) => [...text].map((sign) => ({ sign, tone })));
  if (signs.length <= most) return text;
  const begin = Math.floor((most - 1) * 0.4);
  const end = most - 1 - begin;
  /** @type {Piece[]} */
  const short = [];
  for (const { sign, tone } of [...signs.slice(0, begin), { sign: "…", tone: /** @type {Tone} */ ("faint") }, ...signs.slice(-end)]) {
    const last = short.at(-1);
    if (last && JSON.stringify(last.tone) === JSON.stringify(tone)) last.text += sign;
    else short.push({ text: sign, tone });
  }
  return short;
}

/** @type {WeakMap<HTMLElement, string>} */
const drawn = new WeakMap();

/** What can have the keyboard. */
const FOCUSABLE = "button, input, textarea, [tabindex]";

/**
 * Replaces what a node holds, but only when it differs: what is selected or clicked stays as it is, and so does the place of
 * the keyboard.
 * @template T
 * @param {HTMLElement} node
 * @param {T} value
 * @param {(value: T) => Node[]} make
 */
export function draw(node, value, make) {
  const key = JSON.stringify(value);
  if (drawn.get(node) === key) {
    return;
  }
  drawn.set(node, key);
  const focused = document.activeElement;
  const place = focused instanceof HTMLElement && node !== focused && node.contains(focused) ? [...node.querySelectorAll(FOCUSABLE)].indexOf(focused) : -1;
  const isTab = focused?.getAttribute("role") === "tab";
  node.replaceChildren(...make(value));
  if (place >= 0) {
    const all = /** @type {HTMLElement[]} */ ([...node.querySelectorAll(FOCUSABLE)]);
    const same = isTab ? all.find((one) => one.getAttribute("aria-selected") === "true") : all[Math.min(place, all.length - 1)];
    same?.focus({ preventScroll: true });
  }
}
