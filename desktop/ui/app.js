// Draws what the console says and sends back what was done. The page decides nothing and remembers nothing:
// all it draws comes from one snapshot after the other.

import { dispatch, snapshot } from "./ipc.js";
import { drawAside } from "./aside.js";
import { drawBatch } from "./batch.js";
import { drawCeremony } from "./ceremony.js";
import { drawDetail, leaveFind } from "./detail.js";
import { leaveHistory } from "./history.js";
import { everywhere, hints, listed, meaning, opensPalette, perform, written } from "./keys.js";
import { drawLook } from "./look.js";
import { isPaletteOpen, openPalette } from "./palette.js";
import { drawQuestion } from "./question.js";
import { drawReveal } from "./reveal.js";
import { drawQueue, leaveFilter } from "./queue.js";
import { drawSetup } from "./setup.js";
import { button, byId, draw, element, pieceNode, plain, textNodes } from "./text.js";

/** @typedef {import("./types").Snapshot} Snapshot */

const help = /** @type {HTMLDialogElement} */ (byId("help"));
const filter = byId("filter");
const find = byId("find");
const history = byId("history-text");
const scrolled = byId("rows-scroll");

/** @type {Snapshot | null} */
let shown = null;

/** @param {Snapshot} now */
function drawAll(now) {
  const [screen, read] = [shown?.screen, shown?.detail?.id];
  shown = now;
  drawLook(now.look);
  const covered = isPaletteOpen() || now.help || now.ceremony !== null || now.question !== null || now.reveal !== null;
  document.body.dataset.screen = now.screen;
  // Says, to who operates the page, which of the console's states it shows.
  document.body.dataset.revision = String(now.revision);
  draw(byId("who"), now.header.who, textNodes);
  byId("root").textContent = now.header.root && `${now.header.root} …`;
  byId("file").hidden = now.file === null;
  draw(byId("file"), now.file, fileNodes);
  draw(byId("connection"), now.setup ? null : now.header.connection, (piece) => (piece ? [pieceNode(piece)] : []));
  byId("console").hidden = now.setup !== null || now.aside !== null;
  byId("setup").hidden = now.setup === null;
  if (now.setup) {
    drawSetup(now.setup);
  } else {
    drawQueue(now);
    drawBatch(now.screen === "batch" ? now.batch : null);
    drawDetail(now, covered);
  }
  drawAside(now);
  if (now.screen !== screen || now.detail?.id !== read) {
    // The keyboard is where the screen is, and not on something that is gone or that other keys are about.
    if (now.screen === "detail" || now.screen === "batch") byId("lines").focus({ preventScroll: true });
    else if (now.screen === "history" || now.screen === "settings" || now.screen === "keys") byId(`aside-${now.screen}`).focus();
    else if (now.screen === "queue" && now.aside === null && document.activeElement !== filter) scrolled.focus({ preventScroll: true });
  }
  draw(byId("notices"), now.notices, (all) => all.map((notice) => element("p", "notice", ...textNodes(notice))));
  draw(byId("keys"), hints(now), (all) => all.map(([key, what]) => element("span", "hint", element("kbd", "", key), ` ${what}`)));
  byId("progress").textContent = now.complete ? "" : "working …";
  drawHelp(now);
  drawQuestion(now.question);
  drawReveal(now.reveal);
  drawCeremony(now.ceremony, now.editing);
}

/** @param {import("./types").FileView | null} file */
function fileNodes(file) {
  if (file === null) return [];
  const name = plain(file.name, "file-name");
  name.title = file.path;
  return [plain(`${file.kind} `, "label"), name, button("quiet", () => dispatch({ do: "leave-file" }), "Close")];
}

/** How far keys scroll the list of keys, in parts of its height. @type {Record<string, number>} */
const HELP_SCROLLS = { j: 0.2, ArrowDown: 0.2, k: -0.2, ArrowUp: -0.2, " ": 0.9, PageDown: 0.9, PageUp: -0.9 };

/** @param {Snapshot} now */
function drawHelp(now) {
  if (now.help === help.open) return;
  if (!now.help) {
    help.close();
    return;
  }
  const rows = listed(now).map(({ keys, text }) => element("div", "", element("dt", "", ...keys.map((key) => element("kbd", "", written(key)))), element("dd", "", text)));
  help.replaceChildren(element("h2", "", "Keys"), element("dl", "", ...rows));
  help.showModal();
}

document.addEventListener(
  "keydown",
  (event) => {
    const means = shown && everywhere(shown, event);
    if (!means) return;
    event.preventDefault();
    event.stopPropagation();
    perform(means);
  },
  true,
);

document.addEventListener("keydown", (event) => {
  if (!shown || event.metaKey || event.altKey || event.isComposing) {
    return;
  }
  const target = /** @type {Element} */ (event.target);
  if (target === filter || target === find) {
    if (event.key === "Escape" || event.key === "Enter" || (event.key === "ArrowDown" && target === filter)) {
      if (target === filter) leaveFilter(event.key === "Escape");
      else leaveFind(event.key === "Escape");
      event.preventDefault();
    }
    return;
  }
  if (target === history && ["Escape", "Enter", "ArrowDown"].includes(event.key)) {
    leaveHistory(event.key === "Escape");
    event.preventDefault();
    return;
  }
  if (target instanceof HTMLInputElement && !event.ctrlKey && !["Escape", "F1"].includes(event.key)) {
    return;
  }
  const by = HELP_SCROLLS[event.key];
  if (shown.help && by !== undefined && !event.ctrlKey) {
    help.scrollBy({ top: by * help.clientHeight });
    event.preventDefault();
    return;
  }
  // A button under the keyboard is pressed by the keys that press buttons.
  if (target.closest("button") && (event.key === "Enter" || event.key === " ")) {
    return;
  }
  const means = meaning(shown, event);
  if (means === null || (event.repeat && ["Enter", "Escape", "A", "D", "C"].includes(event.key))) {
    return;
  }
  event.preventDefault();
  perform(means);
});

opensPalette((now) => {
  openPalette(now, () => shown && drawAll(shown));
  if (shown) drawAll(shown);
});

byId("approve").addEventListener("click", () => dispatch({ do: "begin", verdict: "approve" }));
byId("deny").addEventListener("click", () => dispatch({ do: "begin", verdict: "deny" }));
byId("counter").addEventListener("click", () => dispatch({ do: "counter" }));
byId("show-secret").addEventListener("click", () => dispatch({ do: "reveal" }));
byId("unseen").addEventListener("click", () => dispatch({ do: "unseen" }));
byId("ask").addEventListener("click", () => dispatch({ do: "ask" }));
help.addEventListener("cancel", (event) => event.preventDefault());

async function run() {
  for (;;) {
    drawAll(await snapshot(shown?.revision ?? 0, shown?.tab?.key ?? ""));
  }
}

run().catch((error) => {
  // Nothing on the page can be relied on any more.
  document.body.dataset.screen = "broken";
  byId("console").hidden = true;
  byId("setup").hidden = false;
  byId("setup").replaceChildren(element("p", "broken", String(error)));
});
