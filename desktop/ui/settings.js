// How the window is. Kept by the console in the configuration of this home; the page keeps nothing.

import { dispatch } from "./ipc.js";
import { byId } from "./text.js";

/** @typedef {import("./types").Settings} Settings */

const form = /** @type {HTMLFormElement} */ (byId("settings-form"));
const told = byId("settings-told");
const hours = /** @type {HTMLInputElement} */ (byId("settings-hours"));

/** @param {string} name @returns {HTMLInputElement[]} */
const named = (name) => [...form.querySelectorAll("input")].filter((input) => input.name === name);

/** @param {string} name */
const chosen = (name) => named(name).find((input) => input.checked)?.value ?? "";

/**
 * @param {import("./types").SettingsView} view
 * @param {import("./types").Look} look
 */
export function drawSettings(view, look) {
  for (const input of named("theme")) input.checked = input.value === look.theme;
  for (const input of named("density")) input.checked = input.value === look.density;
  byId("settings-size").textContent = `${look.zoom} %`;
  for (const input of named("notify")) input.checked = view.notify;
  for (const input of named("tray")) input.checked = view.tray;
  if (document.activeElement !== hours && view.trouble === null) hours.value = view.quiet_hours;
  told.dataset.bad = String(view.trouble !== null);
  told.textContent = view.trouble ?? (view.kept ? "Kept." : "");
}

form.addEventListener("change", () => {
  const theme = /** @type {Settings["theme"]} */ (chosen("theme"));
  const density = /** @type {Settings["density"]} */ (chosen("density"));
  const is = (/** @type {string} */ name) => named(name)[0]?.checked ?? false;
  dispatch({ do: "keep", settings: { theme, density, notify: is("notify"), quiet_hours: hours.value, tray: is("tray") } });
});
byId("settings-smaller").addEventListener("click", () => dispatch({ do: "zoom", by: -1 }));
byId("settings-larger").addEventListener("click", () => dispatch({ do: "zoom", by: 1 }));
form.addEventListener("submit", (event) => event.preventDefault());
