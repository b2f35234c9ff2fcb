// The requests: one row after the other, made only for those near the screen.

import { dispatch } from "./ipc.js";
import { rowHeight, targetLines } from "./look.js";
import { button, byId, draw, element, middle, pieceNode, plain, textNodes, textOf, wellBroken } from "./text.js";

const scroll = byId("rows-scroll");
const list = byId("rows");
const empty = byId("rows-empty");
const lanes = byId("lanes");
const counts = byId("shown");
const order = byId("order");
const trouble = byId("queue-trouble");
const filter = /** @type {HTMLInputElement} */ (byId("filter"));

/** @type {Map<string, HTMLElement>} */
const rows = new Map();
let asked = 0;
let cursor = -1;
let height = 0;
/** The characters of a target that a row has room for. */
let room = 0;

/** What is no text in the width of a row, the usual width of a character in it, and the fewest of them in a line. */
const ROW_EDGES = 46;
const SIGN_WIDTH = 8.2;
const LEAST_ROOM = 30;

/** @param {import("./types").Snapshot} snapshot */
export function drawQueue(snapshot) {
  const { queue, first_row: first } = snapshot;
  measure(queue);
  list.style.height = `${queue.passing * height}px`;
  const kept = new Set();
  queue.rows.forEach((row, place) => {
    kept.add(row.id);
    drawRow(row, first + place);
  });
  for (const [id, node] of rows) {
    if (!kept.has(id)) {
      node.remove();
      rows.delete(id);
    }
  }
  const selected = queue.rows.find((row) => row.selected);
  if (selected) {
    scroll.setAttribute("aria-activedescendant", `request-${selected.id}`);
  } else {
    scroll.removeAttribute("aria-activedescendant");
  }
  empty.hidden = queue.empty.length === 0;
  draw(empty, queue.empty, (lines) => lines.map((line) => element("p", "", ...textNodes(line))));
  draw(lanes, queue.lanes, laneNodes);
  counts.textContent = queue.passing === 1 ? "1 request" : `${queue.passing} requests`;
  order.textContent = `by ${queue.order}`;
  // What is typed stays; a search that was left, or that a window made again comes back to, stands as the console has it.
  if (document.activeElement !== filter) filter.value = textOf(queue.filter ?? []);
  trouble.hidden = !queue.trouble;
  draw(trouble, queue.trouble ?? [], textNodes);
  follow(queue.cursor);
}

/**
 * How high rows are, and how much of a target they have room for.
 * @param {import("./types").QueueView} queue
 */
function measure({ rows }) {
  const grouped = rows.some(({ group }) => group !== null);
  scroll.dataset.grouped = String(grouped);
  const now = rowHeight(grouped);
  // Where all rows move, the one under the cursor is brought back on screen.
  if (now !== height) cursor = -1;
  height = now;
  const width = Number.isFinite(scroll.clientWidth) ? scroll.clientWidth : 0;
  room = Math.max(Math.floor((width - ROW_EDGES) / SIGN_WIDTH), LEAST_ROOM) * targetLines();
}

/** @param {import("./types").QueueView["lanes"]} all */
function laneNodes(all) {
  return all.map(([title, count, shown], lane) => {
    const node = button("lane", () => dispatch({ do: "lane", lane }), title, " ", plain(String(count), "count"));
    node.dataset.lane = title.toLowerCase().replaceAll(" ", "-");
    node.setAttribute("role", "tab");
    node.setAttribute("aria-selected", String(shown));
    // One stop of the Tab key for all of them; arrows go from one to the next.
    node.setAttribute("tabindex", shown ? "0" : "-1");
    // Lanes that hold nothing take no room, but for the two that are always looked for.
    node.hidden = count === 0 && !shown && lane > 1;
    return node;
  });
}

/**
 * @param {import("./types").QueueRow} row
 * @param {number} place
 */
function drawRow(row, place) {
  let node = rows.get(row.id);
  if (!node) {
    node = element("div", "row");
    node.id = `request-${row.id}`;
    node.dataset.request = row.id;
    node.setAttribute("role", "option");
    rows.set(row.id, node);
    list.append(node);
  }
  node.style.transform = `translateY(${place * height}px)`;
  node.setAttribute("aria-selected", String(row.selected));
  node.dataset.marked = String(row.marked);
  node.dataset.believed = String(row.believed);
  node.dataset.risk = typeof row.risk.tone === "string" ? row.risk.tone : row.risk.tone.risk;
  node.title = textOf(row.target);
  draw(node, { row: { ...row, selected: false }, room }, rowNodes);
}

/** @param {{ row: import("./types").QueueRow, room: number }} how */
function rowNodes({ row, room }) {
  const group = row.group === null ? [] : [plain(row.group, "row-group")];
  const mark = row.marked ? [plain("✓ marked", "row-marked")] : [];
  const shown = middle(row.target, room);
  // What is shortened fills its lines; there is no place left where it breaks well.
  const target = shown === row.target ? element("div", "row-target", ...wellBroken(shown)) : element("div", "row-target shortened", ...textNodes(shown));
  // That a request can be decided is the usual thing; where it can't, or not wholly, is said.
  const limit = row.state.text !== "pending" ? null : ({ no: "waits for others", deny: "deny only" }[row.yours.text] ?? null);
  const yours = limit === null ? [] : [plain(limit, "row-yours")];
  return [
    ...group,
    element("div", "row-top", pieceNode(row.risk), pieceNode(row.kind), pieceNode(row.state), pieceNode(row.left)),
    target,
    element("div", "row-bottom", ...mark, plain(row.agent, "row-agent"), plain(row.environment, "row-environment"), ...yours, element("span", "row-needs", pieceNode(row.needs), " approved")),
  ];
}

/**
 * Brings the cursor on screen when it moved.
 * @param {number} to
 */
function follow(to) {
  // What is not shown has no place to scroll to, and loses the one that it had.
  if (scroll.clientHeight === 0) cursor = -1;
  if (to === cursor || scroll.clientHeight === 0) {
    return;
  }
  cursor = to;
  const top = to * height;
  // A little more than the row, so that its frame is not cut.
  if (top < scroll.scrollTop) {
    scroll.scrollTop = top;
  } else if (top + height + 6 > scroll.scrollTop + scroll.clientHeight) {
    scroll.scrollTop = top + height + 6 - scroll.clientHeight;
  }
}

scroll.addEventListener("scroll", () => {
  const first = Math.max(0, Math.floor(scroll.scrollTop / Math.max(height, 1)) - 20);
  if (Math.abs(first - asked) >= 10 || (first === 0 && asked !== 0)) {
    asked = first;
    dispatch({ do: "rows", first });
  }
});

list.addEventListener("click", (event) => {
  const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".row"));
  if (row?.dataset.request) {
    dispatch({ do: "open", id: row.dataset.request });
  }
});

order.addEventListener("click", () => dispatch({ do: "reorder" }));

filter.addEventListener("input", () => dispatch({ do: "filter", text: filter.value }));

export function focusFilter() {
  filter.focus();
  filter.select();
}

/**
 * Leaves the search; with `clear` everything is shown again.
 * @param {boolean} clear
 */
export function leaveFilter(clear) {
  if (clear && filter.value) {
    filter.value = "";
    dispatch({ do: "filter", text: "" });
  }
  scroll.focus({ preventScroll: true });
}
