// The three commands of the console, and nothing else of the platform.

const { invoke } = window.__TAURI_INTERNALS__;

/** @returns {Promise<import("./types").Snapshot>} how all looks, once it differs from revision `after` */
export const snapshot = (after) => invoke("snapshot", { after });

/** @param {import("./types").Input} message */
export const dispatch = (message) => invoke("dispatch", { message });

/** @returns {Promise<import("./types").Lines>} lines of the tab that is read */
export const lines = (first, count) => invoke("lines", { first, count });
