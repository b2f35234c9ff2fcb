// Text from the console as nodes. Foreign text is escaped before it comes here; it is only ever set as text,
// and each piece stands in isolation, so that it cannot reorder what stands beside it.

/** @param {import("./types").Tone} tone */
const toneClass = (tone) => (typeof tone === "string" ? `tone-${tone}` : `tone-risk risk-${tone.risk}`);

/** @param {import("./types").Piece} piece */
export function pieceNode(piece) {
  const span = document.createElement("span");
  span.className = toneClass(piece.tone);
  span.dir = "auto";
  span.textContent = piece.text;
  return span;
}

/** @param {import("./types").Text} text */
export const textNodes = (text) => text.map(pieceNode);

/** An element with a class and children. */
export function element(name, className, ...children) {
  const node = document.createElement(name);
  node.className = className;
  node.append(...children);
  return node;
}

/** Isolated plain text. */
export function plain(text, className = "") {
  const span = element("span", className);
  span.dir = "auto";
  span.textContent = text;
  return span;
}

/** @param {import("./types").Text} text */
export const textOf = (text) => text.map((piece) => piece.text).join("");

/** Replaces what a node holds, but only when it differs: what is selected or clicked stays as it is. */
export function draw(node, value, make) {
  const key = JSON.stringify(value);
  if (node.dataset.drawn !== key) {
    node.dataset.drawn = key;
    node.replaceChildren(...make(value));
  }
}
