// Several requests of one shape: what they are together, each of them, and their merged sheet below.

import { dispatch } from "./ipc.js";
import { byId, draw, element, pieceNode, plain, textNodes } from "./text.js";

/** @typedef {import("./types").BatchView} BatchView */

const head = byId("batch-head");
const title = byId("batch-title");
const advice = byId("batch-advice");
const members = byId("batch-members");
const about = byId("batch-about");

/** @param {BatchView | null} batch */
export function drawBatch(batch) {
  head.hidden = batch === null;
  if (batch === null) return;
  byId("show-secret").hidden = true;
  draw(title, batch.title, textNodes);
  draw(advice, batch.advice, textNodes);
  draw(members, { all: batch.members, at: batch.cursor }, ({ all, at }) => all.map((member, place) => memberNode(member, place, at)));
  draw(about, batch.about, textNodes);
}

/**
 * @param {import("./types").MemberView} member
 * @param {number} place
 * @param {number} at
 */
function memberNode(member, place, at) {
  const node = element("li", "member", plain(String(member.number), "member-number"), element("span", "member-target", ...textNodes(member.target)), element("span", "member-state", ...textNodes(member.state)), pieceNode(member.left));
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", String(member.selected));
  node.addEventListener("click", () => {
    for (let step = 0; step < Math.abs(place - at); step += 1) dispatch({ do: "move", by: Math.sign(place - at) });
  });
  return node;
}
