// What the page draws and says, over a small DOM. What only a real engine shows is in `tests/desktop`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ceremony, open, piece, queue, reads, row } from "./page.mjs";

const line = (text) => ({ gutter: [], text: [piece(text)], beside: null, columns: [] });
const HOSTILE = "<img src=x onerror=alert(1)> <b>bold</b> &amp;";

// One page for all: modules are loaded once.
const page = await open(queue([row("r1", { selected: true }), row("r2")]), (first, count) => [HOSTILE, "two", "three"].slice(first, first + count).map(line));

test("rows are drawn in their order, the one under the cursor marked as such", async () => {
  const rows = [...page.document.querySelectorAll(".row")];
  assert.deepEqual(rows.map((node) => node.dataset.request), ["r1", "r2"]);
  assert.equal(rows[0].getAttribute("aria-selected"), "true");
});

test("keys say what they say in the terminal", async () => {
  for (const [key, message] of [
    ["j", { do: "move", by: 1 }],
    ["G", { do: "last" }],
    ["Enter", { do: "enter" }],
    ["x", { do: "mark" }],
    ["B", { do: "read-marked" }],
    ["s", { do: "reorder" }],
    ["2", { do: "lane", lane: 1 }],
    ["?", { do: "help" }],
  ]) {
    page.said.length = 0;
    page.press(key);
    await page.settle();
    assert.deepEqual(page.said, [message], key);
  }
  page.said.length = 0;
  page.press("A");
  await page.settle();
  page.press("a");
  await page.settle();
  assert.deepEqual(page.said, [], "nothing is decided from the queue");
});

test("foreign text is text, whatever it looks like", async () => {
  await page.shows(reads("r1", {}));
  const lines = [...page.document.querySelectorAll("#lines .content")];
  assert.deepEqual(lines.map((node) => node.textContent), [HOSTILE, "two", "three"]);
  assert.equal(page.document.querySelectorAll("#lines img, #lines b").length, 0);
  for (const piece of page.document.querySelectorAll("#lines .content > span")) {
    assert.equal(piece.getAttribute("dir"), "auto");
  }
});

test("a key that is held down begins no second decision", async () => {
  page.said.length = 0;
  page.press("A", page.document.body, { repeat: true });
  await page.settle();
  assert.deepEqual(page.said, []);
  page.press("A");
  await page.settle();
  assert.deepEqual(page.said, [{ do: "begin", verdict: "approve" }]);
});

test("a ceremony carries what was shown and typed, and nothing else", async () => {
  await page.shows(reads("r1", { ceremony: ceremony() }));
  assert.ok(page.byId("ceremony").open);
  page.said.length = 0;
  page.types("field-reason", "looked at it");
  await page.settle();
  assert.deepEqual(page.said, [{ do: "put", field: "reason", text: "looked at it" }]);
  await page.shows(reads("r1", { ceremony: ceremony({ ready: true, requirements: [[true, "a reason is given"]] }) }));
  assert.equal(page.byId("field-reason").value, "looked at it", "what is typed stays while things move");
  page.press("Enter", page.byId("field-reason"));
  await page.settle();
  assert.equal(page.signed.length, 0, "Enter never decides");
  page.press("s", page.byId("field-reason"), { ctrlKey: true });
  await page.settle();
  assert.deepEqual(page.signed, [{ request: "r1", view_digest: "aa", typed: [["reason", "looked at it"]] }]);
  assert.ok(!page.document.body.textContent.includes("PIN"));
});

test("while the person is asked outside, nothing can be typed", async () => {
  await page.shows(reads("r1", { ceremony: ceremony({ confirming: true }) }));
  assert.ok(page.byId("field-reason").readOnly);
  assert.equal(page.byId("ceremony-sign"), null);
  assert.match(page.byId("ceremony-progress").textContent, /Nothing is signed before you do/);
});

test("what is grave is held, or pressed twice", async () => {
  await page.shows(reads("r1", { ceremony: ceremony({ grave: true, ready: true, request: "r9", fields: [{ field: "name", label: "type x", value: [], focused: true }] }) }));
  page.signed.length = 0;
  const sign = page.byId("ceremony-sign");
  page.press("s", page.byId("field-name"), { ctrlKey: true });
  await page.settle();
  page.click(sign);
  await page.settle();
  assert.equal(page.signed.length, 0);
  page.press(" ", sign);
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assert.equal(page.signed.length, 1);
  const twice = [...page.document.querySelectorAll("#ceremony-buttons button")].find((node) => node.textContent.includes("two steps"));
  page.click(twice);
  await page.settle();
  assert.equal(page.signed.length, 1);
  page.click(twice);
  await page.settle();
  assert.equal(page.signed.length, 2);
});

test("the name is typed, not pasted", async () => {
  const paste = new page.document.defaultView.Event("paste", { bubbles: true, cancelable: true });
  page.byId("field-name").dispatchEvent(paste);
  assert.ok(paste.defaultPrevented);
});

test("a decision is told as made only when the console says so", async () => {
  await page.shows(reads("r1", { ceremony: ceremony({ fields: [], requirements: [], progress: [[piece("✓ signed", "good")], [piece("… sent; the backend has not answered", "faint")]] }) }));
  assert.match(page.byId("ceremony-progress").textContent, /has not answered/);
  await page.shows(reads("r1", { ceremony: ceremony({ fields: [], requirements: [], over: true, progress: [[piece("✓ in the log at 7", "good")]] }) }));
  page.said.length = 0;
  page.press("Enter", page.byId("ceremony"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "enter" }]);
});

test("a question goes out as it was written", async () => {
  await page.shows(reads("r1", { question: { about: [piece("The agent sees it.")], text: [], writing: true, room: null, notice: null } }));
  assert.ok(page.byId("question").open && !page.byId("ceremony").open);
  page.said.length = 0;
  page.byId("question-text").value = "why now?";
  page.press("Enter", page.byId("question-text"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "question", text: "why now?" }]);
});

test("a fault is told in place of everything", async () => {
  await page.shows({ ...queue([]), header: null });
  assert.equal(page.document.body.dataset.screen, "broken");
  assert.ok(page.byId("console").hidden);
});
