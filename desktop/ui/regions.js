// The parts of the window, in the order in which F6 goes through them. Within a part, Tab goes from stop to stop.

import { byId } from "./text.js";

/** @type {string[]} */
const REGIONS = ["places", "file", "queue-head", "rows-scroll", "batch-members", "tabs", "lines", "deciding", "aside-history", "aside-keys", "aside-settings", "setup"];
const STOPS = "button:not([disabled]), input:not([disabled]), textarea, [tabindex='0']";

/** @param {HTMLElement} node */
const isShown = (node) => node.closest("[hidden]") === null;

/** @param {HTMLElement} region */
function firstStop(region) {
  if (region.getAttribute("tabindex") === "0") return region;
  const stops = /** @type {HTMLElement[]} */ ([...region.querySelectorAll(STOPS)]);
  return stops.find((stop) => isShown(stop) && stop.getAttribute("tabindex") !== "-1") ?? null;
}

/**
 * Goes to another part of the window.
 * @param {number} by
 */
export function stepRegion(by) {
  const all = REGIONS.map(byId).filter((region) => isShown(region) && firstStop(region) !== null);
  const now = all.findIndex((region) => region.contains(document.activeElement));
  const next = all[(now === -1 ? (by > 0 ? 0 : all.length - 1) : now + by + all.length) % all.length];
  if (next) firstStop(next)?.focus();
}
