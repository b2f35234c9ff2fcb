// A page over a small DOM, with a console that answers what a test tells it to.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const ui = new URL("../ui/", import.meta.url);
const { parseHTML } = createRequire(`${process.env.COUNTERSIGN_WEB}/`)("linkedom");

/** What the DOM of the tests lacks, as far as the page uses it. */
function complete(window) {
  for (const dialog of window.document.querySelectorAll("dialog")) {
    Object.defineProperty(dialog, "open", { get: () => dialog.hasAttribute("open") });
    dialog.showModal = () => dialog.setAttribute("open", "");
    dialog.close = () => dialog.removeAttribute("open");
  }
  const still = { top: 0, bottom: 0, height: 0, left: 0, right: 0, width: 0 };
  window.HTMLElement.prototype.getBoundingClientRect = () => still;
  window.HTMLElement.prototype.scrollIntoView = () => {};
  window.HTMLElement.prototype.scrollTo = () => {};
  window.HTMLElement.prototype.scrollBy = () => {};
  window.HTMLElement.prototype.focus = function focus() {
    window.document.focused = this;
  };
  Object.defineProperty(window.document, "activeElement", { get: () => window.document.focused ?? window.document.body });
  window.matchMedia = () => ({ matches: false, addEventListener: () => {} });
  globalThis.IntersectionObserver = class {
    constructor(tell) {
      this.tell = tell;
    }
    observe(target) {
      queueMicrotask(() => this.tell([{ target, isIntersecting: true }]));
    }
    disconnect() {}
  };
  globalThis.requestAnimationFrame = (then) => setTimeout(then, 0);
}

/** Opens the page; `said` keeps what it said, `shows` draws a snapshot. */
export async function open(first, lines = () => [], finds = () => []) {
  const { window } = parseHTML(readFileSync(new URL("index.html", ui), "utf8"));
  const said = [];
  const signed = [];
  const fetched = [];
  let drawn = null;
  let next = null;
  let revision = 1;
  Object.assign(globalThis, {
    window,
    document: window.document,
    HTMLInputElement: window.HTMLInputElement,
    HTMLElement: window.HTMLElement,
    NodeFilter: window.NodeFilter,
  });
  Object.defineProperty(window.document, "visibilityState", { value: "visible", configurable: true });
  complete(window);
  window.__TAURI_INTERNALS__ = {
    invoke(command, body) {
      switch (command) {
        case "snapshot":
          drawn = body.drawn;
          if (body.after === 0) return Promise.resolve({ ...first, revision });
          return new Promise((resolve) => (next = resolve));
        case "lines":
          fetched.push(body.first);
          return Promise.resolve({ key: "k", first: body.first, lines: lines(body.first, body.count) });
        case "find":
          return Promise.resolve(finds(body.text));
        case "dispatch":
          said.push(body.message);
          return Promise.resolve(null);
        case "sign":
          signed.push(body.signing);
          return Promise.resolve(null);
        default:
          return Promise.reject(new Error(`the page asked for ${command}`));
      }
    },
  };
  await import(new URL("app.js", ui));
  const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
  await settle();
  const document = window.document;
  return {
    document,
    said,
    signed,
    fetched,
    settle,
    /** The tab that the page says to have drawn. */
    drawn: () => drawn,
    async shows(snapshot) {
      revision += 1;
      next({ ...snapshot, revision });
      await settle();
    },
    byId: (id) => document.getElementById(id),
    press(key, target = document.body, more = {}) {
      const event = new window.Event("keydown", { bubbles: true, cancelable: true });
      Object.assign(event, { key, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, repeat: false, ...more });
      target.dispatchEvent(event);
      return event.defaultPrevented;
    },
    types(id, text) {
      const input = document.getElementById(id);
      input.value = text;
      input.dispatchEvent(new window.Event("input", { bubbles: true }));
    },
    click: (node) => node.dispatchEvent(new window.Event("click", { bubbles: true })),
  };
}

const plain = (text) => [{ text, tone: "plain" }];
export const piece = (text, tone = "plain") => ({ text, tone });

/** A row of the queue. */
export const row = (id, more = {}) => ({
  id, group: null, selected: false, marked: false, believed: true, state: piece("pending"), risk: piece("▲ high", { risk: "high" }),
  kind: piece("iam"), target: plain(`file://web-1/${id}`), agent: "deployer", environment: "production", left: piece("9m"),
  needs: piece("0 of 1"), yours: piece("yes"), looking: null, ...more,
});

/** The queue with some rows. */
export const queue = (rows) => ({
  revision: 1, screen: "queue", complete: true,
  header: { who: plain("Acme"), root: "one two three", connection: piece("● live", "good") },
  notices: [], help: false, setup: null, first_row: 0,
  queue: {
    rows, passing: rows.length, total: rows.length, more: false,
    lanes: [["Needs me", rows.length, true], ["All", rows.length, false]],
    order: "risk", selected: [], cursor: 0, filter: null, filtering: false, empty: [], trouble: null,
  },
  detail: null, batch: null, tab: null, lines: null, ceremony: null, reveal: null, question: null, editing: null, file: null, moved: false,
  aside: null, look: { theme: "system", density: "comfortable", zoom: 100 },
});

/** The history with some rows. */
export const history = (rows, more = {}) => ({
  ...queue([]),
  screen: "history",
  aside: {
    is: "history", text: "", rows, first: 0, found: rows.length, more: false,
    endings: [["All", rows.length, true], ["Approved", 1, false], ["Denied", 0, false], ["Not decided", 0, false]],
    paces: [{ risk: piece("▲ high", { risk: "high" }), count: 2, median: "5m", median_bar: 500, slow: "10m", slow_bar: 1000 }],
    ages: ["under an hour", "older"],
    waiting: [{ risk: piece("▲ high", { risk: "high" }), counts: [[3, 1000], [0, 0]] }],
    ...more,
  },
});

/** A request that is over. */
export const past = (id, more = {}) => ({
  id, state: piece("denied", "bad"), risk: piece("▲ high", { risk: "high" }), kind: "iam", target: plain(`file://web-1/${id}`),
  agent: "deployer", environment: "production", by: "p-kim", at: "2026-11-22T08:00:00Z", took: "5m", ...more,
});

/** A request that is read. */
export const reads = (id, more = {}) => ({
  ...queue([row(id, { selected: true })]),
  screen: "detail",
  detail: {
    id, sentence: plain("Agent deployer wants a change"), facts: [piece("▲ high", { risk: "high" })], looking: null,
    check_words: "a b c d e f", why_not: null, problems: [], decides: true, secrets: 0,
    tabs: [{ title: "Sheet", count: null, selected: true }, { title: "Findings", count: 2, selected: false }],
    seen: [0, 3], readable: true, search: null,
  },
  tab: { key: "k", len: 3, top: 0, jump: 0, sheet: "aa" },
  ...more,
});

/** A decision that is made. */
export const ceremony = (more = {}) => ({
  request: "r1", view_digest: "aa", grave: false, confirming: false, reasons: [], verdict: piece("APPROVE", "good"),
  signed: [["target", plain("file://web-1/x")]], check_words: "a b c d e f", difference: [], instead: null, first: 0, rewritable: false,
  fields: [{ field: "reason", label: "reason", value: [], focused: true }], requirements: [[false, "a reason is given"]],
  notice: null, progress: [], over: false, can_call_off: false, ready: false, presets: false, ...more,
});
