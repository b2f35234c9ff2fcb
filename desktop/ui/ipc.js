// The four commands of the console, and nothing else of the platform.

/** @type {{ invoke: (command: string, body: object) => Promise<any> }} */
const { invoke } = /** @type {any} */ (window).__TAURI_INTERNALS__;

/**
 * How all looks, once it differs from revision `after`.
 * @param {number} after
 * @returns {Promise<import("./types").Snapshot>}
 */
export const snapshot = (after) => invoke("snapshot", { after });

/**
 * Lets the console know what was done.
 * @param {import("./types").Input} message
 * @returns {Promise<void>}
 */
export const dispatch = (message) => invoke("dispatch", { message });

/**
 * Lines of the tab that is read.
 * @param {number} first
 * @param {number} count
 * @returns {Promise<import("./types").Lines>}
 */
export const lines = (first, count) => invoke("lines", { first, count });

/**
 * Asks for what was shown and typed to be signed; the person is asked outside the page.
 * @param {import("./types").Signing} signing
 * @returns {Promise<void>}
 */
export const sign = (signing) => invoke("sign", { signing });
