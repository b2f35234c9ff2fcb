// Draws what the console says and sends back what was done. The page decides nothing and remembers nothing:
// all it draws comes from one snapshot after the other.

import { dispatch, snapshot } from "./ipc.js";
import { focusFilter, leaveFilter, drawQueue } from "./queue.js";
import { drawDetail } from "./detail.js";
import { drawSetup } from "./setup.js";
import { scrollLines } from "./lines.js";
import { draw, element, pieceNode, textNodes } from "./text.js";

const byId = (id) => document.getElementById(id);
const help = byId("help");
const filter = byId("filter");

/** @type {import("./types").Snapshot | null} */
let shown = null;

const KEYS = {
  queue: [["j k", "move"], ["Enter", "read"], ["/", "search"], ["s", "order"], ["?", "keys"]],
  detail: [["j k", "scroll"], ["1–8", "tabs"], ["Esc", "back"], ["J K", "other requests"], ["?", "keys"]],
  "first-run": [["r", "look again"]],
};

const ALL_KEYS = [
  ["j  k  ↓  ↑", "Move in the queue; scroll while reading"],
  ["Enter", "Read the request under the cursor; go to the line of a finding"],
  ["Esc", "Back to the queue"],
  ["J  K", "Read the next request, or the one before"],
  ["1 – 8", "Lanes of the queue; tabs of a request"],
  ["[  ]", "The lane or tab before, the next one"],
  ["n  N", "The next finding, or the one before"],
  ["z  v", "Fold what did not change; both sides beside each other"],
  ["s", "Order the queue by something else"],
  ["Space  PgDn  PgUp", "Scroll by a screen"],
  ["g  G  Home  End", "To the top, to the end"],
  ["/", "Search requests"],
  ["r", "Look again at a request that moved"],
  ["R", "Fetch again"],
  ["?", "Show or hide this list"],
];

/** @param {import("./types").Snapshot} now */
function drawAll(now) {
  shown = now;
  document.body.dataset.screen = now.screen;
  draw(byId("who"), now.header.who, textNodes);
  byId("root").textContent = now.header.root && `${now.header.root} …`;
  draw(byId("connection"), now.setup ? null : now.header.connection, (piece) => (piece ? [pieceNode(piece)] : []));
  byId("console").hidden = now.setup !== null;
  byId("setup").hidden = now.setup === null;
  if (now.setup) {
    drawSetup(now.setup);
  } else {
    drawQueue(now);
    drawDetail(now);
  }
  draw(byId("notices"), now.notices, (all) => all.map((notice) => element("p", "notice", ...textNodes(notice))));
  draw(byId("keys"), KEYS[now.screen], (keys) => keys.map(([key, what]) => element("span", "hint", element("kbd", "", key), ` ${what}`)));
  byId("progress").textContent = now.complete ? "complete" : "working …";
  if (now.help !== help.open) {
    if (now.help) help.showModal();
    else help.close();
  }
}

function opensOther(by) {
  const rows = shown.queue.rows;
  const other = rows[rows.findIndex((row) => row.id === shown.detail?.id) + by];
  return other && shown.detail ? { do: "open", id: other.id } : null;
}

const readsFindings = () => shown.detail?.tabs.some((tab) => tab.selected && tab.title === "Findings") ?? false;

/** What a key means on this screen; nothing where the page itself scrolls. */
function meaning(key) {
  const reading = shown.screen === "detail";
  switch (key) {
    case "?": return { do: "help" };
    case "r": return { do: shown.setup ? "refresh" : "look-again" };
    case "R": return { do: "refresh" };
    case "Escape": return { do: "back" };
    case "j": case "ArrowDown": return reading ? () => scrollLines("down") : { do: "move", by: 1 };
    case "k": case "ArrowUp": return reading ? () => scrollLines("up") : { do: "move", by: -1 };
    case " ": case "PageDown": return reading ? () => scrollLines("page") : { do: "move", by: 8 };
    case "PageUp": return reading ? () => scrollLines("back") : { do: "move", by: -8 };
    case "g": case "Home": return reading ? () => scrollLines("top") : { do: "first" };
    case "G": case "End": return reading ? () => scrollLines("end") : { do: "last" };
    case "J": return reading ? opensOther(1) : null;
    case "K": return reading ? opensOther(-1) : null;
    case "]": return reading ? { do: "next-tab" } : { do: "next-lane" };
    case "[": return reading ? { do: "previous-tab" } : { do: "previous-lane" };
    case "Enter": return { do: "enter" };
    case "n": return readsFindings() ? { do: "next-finding" } : null;
    case "N": return readsFindings() ? { do: "previous-finding" } : null;
    case "z": return reading ? { do: "fold" } : null;
    case "v": return reading ? { do: "beside" } : null;
    case "s": return reading ? null : { do: "reorder" };
    case "/": return focusFilter;
    default:
      if (!/^[1-9]$/.test(key)) return null;
      return reading ? { do: "read", tab: Number(key) - 1 } : { do: "lane", lane: Number(key) - 1 };
  }
}

document.addEventListener("keydown", (event) => {
  if (!shown || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
    return;
  }
  if (event.target === filter) {
    if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") {
      leaveFilter(event.key === "Escape");
      event.preventDefault();
    }
    return;
  }
  // A button under the keyboard is pressed by the keys that press buttons.
  if (event.target.closest("button") && (event.key === "Enter" || event.key === " ")) {
    return;
  }
  const means = meaning(event.key);
  if (means === null || (event.repeat && ["Enter", "Escape"].includes(event.key))) {
    return;
  }
  event.preventDefault();
  if (typeof means === "function") means();
  else dispatch(means);
});

help.addEventListener("cancel", (event) => event.preventDefault());
help.append(
  element("h2", "", "Keys"),
  element("dl", "", ...ALL_KEYS.flatMap(([keys, what]) => [element("dt", "", ...keys.split("  ").map((key) => element("kbd", "", key))), element("dd", "", what)])),
);

async function run() {
  for (let after = 0; ; after = shown.revision) {
    drawAll(await snapshot(after));
  }
}

run().catch((error) => {
  // Nothing on the page can be relied on any more.
  document.body.dataset.screen = "broken";
  byId("console").hidden = true;
  byId("setup").hidden = false;
  byId("setup").replaceChildren(element("p", "broken", String(error)));
});
