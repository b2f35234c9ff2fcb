// The request that is read; where none is, the one under the cursor in short.

import { dispatch } from "./ipc.js";
import { drawLines } from "./lines.js";
import { draw, element, pieceNode, plain, textNodes } from "./text.js";

const byId = (id) => document.getElementById(id);
const none = byId("detail-none");
const request = byId("request");
const tabs = byId("tabs");

/** @param {import("./types").Snapshot} snapshot */
export function drawDetail(snapshot) {
  const { detail } = snapshot;
  none.hidden = detail !== null;
  request.hidden = detail === null;
  if (detail === null) {
    const row = snapshot.queue.rows.find((row) => row.selected) ?? null;
    draw(none, { row, told: snapshot.queue.selected }, shortNodes);
    delete request.dataset.request;
    drawLines(null);
    return;
  }
  request.dataset.request = detail.id;
  draw(byId("sentence"), detail.sentence, textNodes);
  const facts = [...detail.facts];
  if (detail.looking !== null) {
    facts.push({ text: `also looking: ${detail.looking}`, tone: "hunk" });
  }
  draw(byId("facts"), facts, (facts) => facts.map((fact) => element("li", "", pieceNode(fact))));
  const problems = byId("problems");
  problems.hidden = detail.problems.length === 0;
  draw(problems, detail.problems, (all) => all.map((problem) => element("p", "", ...textNodes(problem))));
  const whyNot = byId("why-not");
  whyNot.hidden = detail.why_not === null;
  draw(whyNot, { text: detail.why_not, moved: snapshot.moved }, whyNotNodes);
  byId("check").hidden = !detail.check_words;
  byId("check-words").textContent = detail.check_words;
  tabs.hidden = !detail.readable;
  byId("decide").hidden = !detail.readable;
  draw(tabs, detail.tabs, tabNodes);
  drawLines(detail.readable ? snapshot.tab : null);
}

function whyNotNodes({ text, moved }) {
  if (text === null) {
    return [];
  }
  const nodes = [plain(`You cannot decide this: ${text}.`)];
  if (moved) {
    const again = element("button", "", "Look again");
    again.id = "look-again";
    again.addEventListener("click", () => dispatch({ do: "look-again" }));
    nodes.push(again);
  }
  return nodes;
}

function tabNodes(all) {
  return all.map((tab, place) => {
    const button = element("button", "tab", tab.title);
    button.dataset.tab = tab.title.toLowerCase();
    button.setAttribute("role", "tab");
    button.setAttribute("aria-selected", String(tab.selected));
    button.setAttribute("aria-controls", "lines");
    if (tab.count !== null) {
      button.append(" ", plain(String(tab.count), "count"));
    }
    button.addEventListener("click", () => dispatch({ do: "read", tab: place }));
    return button;
  });
}

/** @param {{ row: import("./types").QueueRow | null, told: import("./types").Text }} about */
function shortNodes({ row, told }) {
  if (row === null) {
    return [];
  }
  const field = (label, ...value) => [element("dt", "", label), element("dd", "", ...value)];
  const open = element("button", "primary", "Read the request ", element("kbd", "", "Enter"));
  open.addEventListener("click", () => dispatch({ do: "open", id: row.id }));
  return [
    element("p", "short-target", ...textNodes(row.target)),
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
