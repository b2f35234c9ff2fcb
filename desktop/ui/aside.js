// The screens beside the requests: history, keys, settings. One is open at a time, over nothing.

import { dispatch } from "./ipc.js";
import { drawHistory } from "./history.js";
import { drawOwnKeys } from "./ownkeys.js";
import { drawSettings } from "./settings.js";
import { button, byId, draw, element } from "./text.js";

/** @typedef {import("./types").Place} Place */

/** @type {[Place, string, string][]} */
const PLACES = [
  ["requests", "Requests", "Ctrl-1"],
  ["history", "History", "Ctrl-2"],
  ["keys", "Keys", "Ctrl-3"],
  ["settings", "Settings", "Ctrl-4"],
];

const places = byId("places");

/** @param {import("./types").Snapshot} now */
export function drawAside(now) {
  const open = now.aside?.is ?? "requests";
  places.hidden = now.setup !== null;
  draw(places, open, placeNodes);
  for (const [place] of PLACES.slice(1)) {
    byId(`aside-${place}`).hidden = open !== place;
  }
  if (now.aside?.is === "history") drawHistory(now.aside);
  if (now.aside?.is === "keys") drawOwnKeys(now.aside);
  if (now.aside?.is === "settings") drawSettings(now.aside, now.look);
}

/** @param {Place} open */
function placeNodes(open) {
  return PLACES.map(([place, title, key]) => {
    const node = button("place", () => dispatch({ do: "go", to: place }), title);
    node.title = key;
    node.dataset.place = place;
    if (place === open) node.setAttribute("aria-current", "page");
    return element("li", "", node);
  });
}
