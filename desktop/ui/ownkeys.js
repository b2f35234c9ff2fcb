// The keys of this machine: where each is kept, whether it can be used now, and how far the directory believes it.

import { byId, draw, element, pieceNode, plain, textNodes } from "./text.js";

const list = byId("keys-list");
const told = byId("keys-told");

/** @param {import("./types").KeysView} view */
export function drawOwnKeys({ keys, asking, trouble }) {
  told.hidden = !asking && trouble === null && keys.length > 0;
  told.textContent = asking ? "Devices, agents and the keyring are asked …" : (trouble ?? "There are no keys. A terminal makes one: countersign keys create");
  draw(list, keys, (all) => all.map(keyNode));
}

/** @param {import("./types").KeyView} key */
function keyNode(key) {
  /**
   * @param {string} label
   * @param {...Node} value
   */
  const field = (label, ...value) => [element("dt", "", label), element("dd", "", ...value)];
  return element(
    "li",
    "key",
    element("h2", "", ...textNodes(key.name)),
    element(
      "dl",
      "short",
      ...field("Now", ...textNodes(key.usable)),
      ...field("Signs", plain(key.signs)),
      ...field("Kept by", ...(key.kept_in ? textNodes(key.kept_in) : [plain(key.provider)])),
      ...(key.asks ? field("Asks for", plain(`a ${key.asks}`)) : []),
      ...field("The directory says", pieceNode(key.assurance)),
      ...field("Proves", plain(key.presence)),
      ...field("Valid", pieceNode(key.valid)),
      ...field("Id", element("code", "", key.id)),
    ),
  );
}
