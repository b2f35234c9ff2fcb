// The five commands of the console, and nothing else of the platform.

/** @type {{ invoke: (command: string, body: object) => Promise<any> }} */
const { invoke } = /** @type {any} */ (window).__TAURI_INTERNALS__;

/**
 * How all looks, once it differs from revision `after`; with lines, where the tab is another one than was `drawn`.
 * @param {number} after
 * @param {string} drawn
 * @returns {Promise<import("./types").Snapshot>}
 */
export const snapshot = (after, drawn) => invoke("snapshot", { after, drawn });

/** What was said last, until it is answered. @type {Promise<void> | null} */
let saying = null;

/**
 * Says one thing after the other: what is typed and pressed arrives in the order in which it was.
 * @param {string} command
 * @param {object} body
 * @returns {Promise<void>}
 */
function say(command, body) {
  const run = () => invoke(command, body);
  const said = saying === null ? run() : saying.then(run, run);
  saying = said;
  const over = () => {
    if (saying === said) saying = null;
  };
  said.then(over, over);
  return said;
}

/**
 * Lets the console know what was done.
 * @param {import("./types").Input} message
 */
export const dispatch = (message) => say("dispatch", { message });

/**
 * Lines of the tab that is read.
 * @param {number} first
 * @param {number} count
 * @returns {Promise<import("./types").Lines>}
 */
export const lines = (first, count) => invoke("lines", { first, count });

/**
 * Requests that answer a text, of the whole queue.
 * @param {string} text
 * @returns {Promise<import("./types").QueueRow[]>}
 */
export const find = (text) => invoke("find", { text });

/**
 * Asks for what was shown and typed to be signed; the person is asked outside the page.
 * @param {import("./types").Signing} signing
 */
export const sign = (signing) => say("sign", { signing });
