// How everything looks: colours, and how close together things stand. Kept by the console, or as the desktop has it.

/** @typedef {import("./types").Look} Look */

const more = window.matchMedia("(prefers-contrast: more)");

/** @type {Look} */
let shown = { theme: "system", density: "comfortable", zoom: 100 };

/** @param {Look} look */
export function drawLook(look) {
  shown = look;
  const root = document.documentElement;
  root.dataset.theme = look.theme;
  root.dataset.density = look.density;
  root.dataset.contrast = look.theme === "contrast" || more.matches ? "more" : "usual";
}

/**
 * The height of a row of the queue, with room for the name of its group where there are groups; the style sheet says the same.
 * @param {boolean} grouped
 */
export const rowHeight = (grouped) => (shown.density === "compact" ? 72 : 92) + (grouped ? 16 : 0);

/** How many lines of a target a row shows; the style sheet says the same. */
export const targetLines = () => (shown.density === "compact" ? 1 : 2);

more.addEventListener("change", () => drawLook(shown));
