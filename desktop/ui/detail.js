// The request that is read; where none is, the one under the cursor in short.

import { dispatch } from "./ipc.js";
import { drawLines } from "./lines.js";
import { button, byId, draw, element, pieceNode, plain, textNodes, textOf, wellBroken } from "./text.js";

const none = byId("detail-none");
const request = byId("request");
const tabs = byId("tabs");

const find = /** @type {HTMLInputElement} */ (byId("find"));

/**
 * @param {import("./types").Snapshot} snapshot
 * @param {boolean} covered whether something lies over it
 */
export function drawDetail(snapshot, covered) {
  const { detail, batch } = snapshot;
  const reads = snapshot.screen === "batch" ? null : detail;
  none.hidden = detail !== null || batch !== null;
  request.hidden = !none.hidden;
  byId("request-head").hidden = reads === null;
  if (reads === null) {
    if (batch === null) {
      const row = snapshot.queue.rows.find((row) => row.selected) ?? null;
      draw(none, { row, told: snapshot.queue.selected }, shortNodes);
    }
    delete request.dataset.request;
    delete request.dataset.decidable;
    tabs.hidden = true;
    byId("finding").hidden = true;
    byId("decide").hidden = batch === null;
    byId("check").hidden = true;
    byId("ask").hidden = byId("counter").hidden = true;
    drawSeen(batch?.seen ?? null);
    drawLines(batch === null ? null : snapshot.tab, snapshot.lines, covered);
    return;
  }
  request.dataset.request = reads.id;
  draw(byId("sentence"), reads.sentence, wellBroken);
  /** @type {import("./types").Piece[]} */
  const facts = [...reads.facts];
  if (reads.looking !== null) {
    facts.push({ text: `also looking: ${reads.looking}`, tone: "hunk" });
  }
  draw(byId("facts"), facts, (facts) => facts.map((fact) => element("li", "", pieceNode(fact))));
  const problems = byId("problems");
  problems.hidden = reads.problems.length === 0;
  draw(problems, reads.problems, (all) => all.map((problem) => element("p", "", ...textNodes(problem))));
  const whyNot = byId("why-not");
  whyNot.hidden = reads.why_not === null;
  draw(whyNot, { text: reads.why_not, moved: snapshot.moved }, whyNotNodes);
  // They still say why not to who presses them.
  request.dataset.decidable = String(reads.why_not === null);
  byId("check").hidden = !reads.check_words;
  byId("check-words").textContent = reads.check_words;
  tabs.hidden = !reads.readable;
  byId("decide").hidden = !reads.decides;
  byId("show-secret").hidden = reads.secrets === 0;
  byId("ask").hidden = byId("counter").hidden = false;
  draw(tabs, reads.tabs, tabNodes);
  // Where there is no room for all of them, the one that is read is there.
  tabs.querySelector("[aria-selected='true']")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  drawSeen(reads.decides ? reads.seen : null);
  if (document.activeElement !== find) {
    const search = reads.search?.[0] ?? [];
    find.value = textOf(search);
    byId("finding").hidden = search.length === 0;
  }
  drawLines(reads.readable ? snapshot.tab : null, snapshot.lines, covered);
}

/** @param {[number, number] | null} seen */
function drawSeen(seen) {
  byId("unseen").hidden = seen === null || seen[0] === seen[1];
  byId("seen").textContent = seen === null ? "" : seen[0] === seen[1] ? `✓ all ${seen[1]} lines were on screen` : `${seen[0]} of ${seen[1]} lines were on screen`;
}

/** Begins to search in the tab that is read. */
export function focusFind() {
  byId("finding").hidden = false;
  find.focus();
  find.select();
}

/**
 * Leaves the search in the tab; with `clear` nothing stands out any more.
 * @param {boolean} clear
 */
export function leaveFind(clear) {
  if (clear) find.value = "";
  dispatch({ do: "search", text: find.value });
  byId("finding").hidden = find.value === "";
  byId("lines").focus({ preventScroll: true });
}

/** @param {{ text: string | null, moved: boolean }} why */
function whyNotNodes({ text, moved }) {
  if (text === null) {
    return [];
  }
  /** @type {Node[]} */
  const nodes = [plain(`You cannot decide this: ${text}.`)];
  if (moved) {
    const again = button("", () => dispatch({ do: "look-again" }), "Look again");
    again.id = "look-again";
    nodes.push(again);
  }
  return nodes;
}

/** @param {import("./types").TabView[]} all */
function tabNodes(all) {
  return all.map((tab, place) => {
    const node = button("tab", () => dispatch({ do: "read", tab: place }), tab.title);
    node.dataset.tab = tab.title.toLowerCase();
    node.setAttribute("role", "tab");
    node.setAttribute("aria-selected", String(tab.selected));
    node.setAttribute("aria-controls", "lines");
    // One stop of the Tab key for all of them; arrows go from one to the next.
    node.setAttribute("tabindex", tab.selected ? "0" : "-1");
    // Nothing is not worth a number.
    if (tab.count !== null && tab.count > 0) {
      node.append(" ", plain(String(tab.count), "count"));
    }
    return node;
  });
}

/**
 * @param {{ row: import("./types").QueueRow | null, told: import("./types").Piece[] }} about
 * @returns {Node[]}
 */
function shortNodes({ row, told }) {
  if (row === null) {
    return [];
  }
  /**
   * @param {string} label
   * @param {...Node} value
   */
  const field = (label, ...value) => [element("dt", "", label), element("dd", "", ...value)];
  const open = button("primary", () => dispatch({ do: "open", id: row.id }), "Read the request ", element("kbd", "", "Enter"));
  return [
    element("p", "short-target", ...wellBroken(row.target)),
    element(
      "dl",
      "short",
      ...field("Risk", pieceNode(row.risk)),
      ...field("Change", pieceNode(row.kind)),
      ...field("Asked by", plain(row.agent)),
      ...field("Where", plain(row.environment)),
      ...field("State", pieceNode(row.state)),
      ...field("Approvals", pieceNode(row.needs)),
      ...field("Time left", pieceNode(row.left)),
    ),
    element("p", "short-told", ...textNodes(told)),
    open,
  ];
}
