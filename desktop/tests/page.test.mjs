// What the page draws and says, over a small DOM. What only a real engine shows is in `tests/desktop`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ceremony, history, open, past, piece, queue, reads, row } from "./page.mjs";

const line = (text) => ({ gutter: [], text: [piece(text)], beside: null, columns: [] });
const HOSTILE = "<img src=x onerror=alert(1)> <b>bold</b> &amp;";

// One page for all: modules are loaded once.
const asked = [];
const page = await open(queue([row("r1", { selected: true }), row("r2")]), (first, count) => [HOSTILE, "two", "three"].slice(first, first + count).map(line), (text) => {
  asked.push(text);
  return [row("r1"), row("r2"), row("far-away")].filter(({ id }) => text.split(" ").every((word) => `web ${id}`.includes(word)));
});

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

test("lines that come with a tab are drawn without being asked for, and only in their own", async () => {
  const shown = reads("r1");
  const texts = () => [...page.document.querySelectorAll("#lines .content")].map((node) => node.textContent);
  const come = { key: "new", first: 100, lines: [line("come"), line("along")] };
  page.fetched.length = 0;
  await page.shows({ ...shown, tab: { ...shown.tab, key: "new", len: 102 }, lines: come });
  assert.deepEqual(texts(), ["come", "along"]);
  assert.deepEqual(page.fetched, [0], "the others are");
  assert.equal(page.drawn(), "new");
  await page.shows({ ...shown, tab: { ...shown.tab, key: "other", len: 102 }, lines: come });
  assert.deepEqual([texts(), page.fetched], [[], [0, 0, 100]]);
  await page.shows(reads("r1", {}));
});

test("lines break behind slashes and not within a moment, and the text stays what it is", async () => {
  const text = `change file://web-1/etc/app.conf until 2026-11-23T00:21:38.002Z, not ${"2026-11-23T" + "0".repeat(99)}Z ${HOSTILE}`;
  const shown = reads("r1");
  shown.detail.sentence = [piece(text)];
  await page.shows(shown);
  const sentence = page.document.getElementById("sentence");
  assert.equal(sentence.textContent, text);
  assert.deepEqual([...sentence.querySelectorAll(".whole")].map((node) => node.textContent), ["2026-11-23T00:21:38.002Z"]);
  const before = [...sentence.querySelectorAll("wbr")].map((node) => node.previousSibling.textContent);
  assert.deepEqual([...new Set(before)], ["/"]);
  assert.equal(sentence.querySelectorAll("img, b").length, 0);
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
  const lets = (name) => sign.dispatchEvent(new page.document.defaultView.Event(name));
  page.press(" ", sign);
  lets("blur");
  page.press(" ", sign);
  await new Promise((resolve) => setTimeout(resolve, 1300));
  assert.equal(page.signed.length, 0, "a key that is down would type in the prompt");
  assert.match(sign.textContent, /Let go/);
  lets("keyup");
  assert.equal(page.signed.length, 1);
  lets("keyup");
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

const found = () => [...page.document.querySelectorAll(".palette-entry")].map((node) => node.textContent);

test("the palette finds what keys do, lanes and requests, and says each one's key", async () => {
  await page.shows(queue([row("r1", { selected: true }), row("r2")]));
  assert.ok(page.press("k", page.document.body, { ctrlKey: true }));
  assert.ok(page.byId("palette").open);
  assert.ok(found().some((text) => text.includes("Order by something else") && text.endsWith("s")), found().join());
  assert.ok(found().some((text) => text.includes("Needs me, 2") && text.endsWith("1")), found().join());
  page.types("palette-text", "web r2");
  await page.settle();
  assert.equal(found().length, 1);
  page.said.length = 0;
  page.press("Enter", page.byId("palette-text"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "open", id: "r2" }]);
  assert.ok(!page.byId("palette").open);
});

test("the palette finds requests that are not in the page", async () => {
  page.press("k", page.document.body, { ctrlKey: true });
  await page.settle();
  assert.deepEqual(asked.slice(-1), [""]);
  page.types("palette-text", "web far");
  await page.settle();
  assert.deepEqual(asked.slice(-1), ["web far"]);
  assert.equal(found().length, 1, found().join());
  page.said.length = 0;
  page.press("Enter", page.byId("palette-text"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "open", id: "far-away" }]);
});

test("what is typed in the palette reaches nothing else, and Escape closes it alone", async () => {
  page.press("k", page.document.body, { ctrlKey: true });
  page.said.length = 0;
  for (const key of ["A", "j", "x", "Escape"]) page.press(key, page.byId("palette-text"));
  await page.settle();
  assert.deepEqual(page.said, []);
  assert.ok(!page.byId("palette").open);
});

test("the palette begins a decision only where its key would", async () => {
  page.press("k", page.document.body, { ctrlKey: true });
  assert.ok(!found().some((text) => text.includes("approve")));
  page.press("Escape", page.byId("palette-text"));
  await page.shows(reads("r1"));
  page.press("k", page.document.body, { ctrlKey: true });
  page.types("palette-text", "begin to deny");
  page.said.length = 0;
  page.press("Enter", page.byId("palette-text"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "begin", verdict: "deny" }]);
});

test("suspicious text and groups have the terminal's keys", async () => {
  page.said.length = 0;
  page.press("!");
  await page.shows(queue([row("r1", { group: "risk high" })]));
  page.press("z");
  await page.settle();
  assert.deepEqual(page.said, [{ do: "suspicious" }, { do: "groups" }]);
  assert.equal(page.document.querySelector(".row-group").textContent, "risk high");
});

test("the history is searched by the console, and drawn as text", async () => {
  await page.shows(history([past("r1", { target: [piece(HOSTILE)] })]));
  assert.ok(page.byId("console").hidden && !page.byId("aside-history").hidden);
  assert.equal(page.document.querySelector(".past-open").textContent, HOSTILE);
  assert.equal(page.document.querySelectorAll("#history-rows img").length, 0);
  page.said.length = 0;
  page.types("history-text", "p-kim");
  await page.settle();
  page.click(page.byId("history-endings").children[2]);
  await page.settle();
  page.click(page.document.querySelector(".past-open"));
  await page.settle();
  assert.deepEqual(page.said, [
    { do: "seek", text: "p-kim", ending: 0, first: 0 },
    { do: "seek", text: "p-kim", ending: 2, first: 0 },
    { do: "open", id: "r1" },
  ]);
});

test("pictures carry their numbers as text, and their bars say nothing to a reader", async () => {
  const row = page.byId("history-paces").textContent;
  for (const number of ["high", "5m", "10m", "2"]) assert.ok(row.includes(number), row);
  assert.equal(page.byId("history-waiting").textContent, "▲ high30");
  for (const bar of page.document.querySelectorAll(".bar")) assert.equal(bar.getAttribute("aria-hidden"), "true");
});

test("the history is turned page by page", async () => {
  await page.shows(history([past("r1")], { found: 200, first: 80 }));
  page.said.length = 0;
  page.press("PageDown");
  await page.settle();
  page.press("PageUp");
  await page.settle();
  assert.deepEqual(page.said.map(({ first }) => first), [160, 0]);
});

test("settings are sent whole, and a refusal is told", async () => {
  const settings = (more) => ({ ...queue([]), screen: "settings", look: { theme: "dark", density: "compact" }, aside: { is: "settings", notify: true, quiet_hours: "", tray: true, trouble: null, kept: false, ...more } });
  await page.shows(settings({}));
  assert.equal(page.document.documentElement.dataset.theme, "dark");
  assert.equal(page.document.documentElement.dataset.density, "compact");
  page.said.length = 0;
  page.byId("settings-hours").value = "25";
  page.byId("settings-form").dispatchEvent(new page.document.defaultView.Event("change", { bubbles: true }));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "keep", settings: { theme: "dark", density: "compact", notify: true, quiet_hours: "25", tray: true } }]);
  await page.shows(settings({ trouble: "`25` are no hours" }));
  assert.match(page.byId("settings-told").textContent, /no hours/);
});

test("keys are listed with what is known of them", async () => {
  const key = { name: [piece("laptop", "strong")], provider: "tpm", signs: "decisions", id: "aa", kept_in: null, asks: "PIN", usable: [piece("✓ available", "good")], assurance: piece("✓ in hardware, attested", "good"), presence: "that a PIN or passphrase was given", valid: piece("until 2027") };
  await page.shows({ ...queue([]), screen: "keys", aside: { is: "keys", keys: [key], asking: false, trouble: null } });
  const text = page.byId("keys-list").textContent;
  for (const part of ["laptop", "tpm", "decisions", "attested", "until 2027"]) assert.ok(text.includes(part), text);
});

test("Tab is the engine's, brackets and arrows go from tab to tab, and one tab of each list is a stop", async () => {
  await page.shows(reads("r1"));
  page.said.length = 0;
  assert.ok(!page.press("Tab"), "nothing keeps Tab from going to the next stop");
  page.press("]");
  page.press("ArrowLeft");
  await page.settle();
  assert.deepEqual(page.said, [{ do: "next-tab" }, { do: "previous-tab" }]);
  const stops = (id) => [...page.byId(id).children].map((node) => node.getAttribute("tabindex"));
  assert.deepEqual([stops("tabs"), stops("lanes")], [["0", "-1"], ["0", "-1"]]);
});

test("the keyboard stays where it is when what has it is drawn anew", async () => {
  await page.shows(reads("r1"));
  page.byId("tabs").children[0].focus();
  const other = reads("r1");
  other.detail.tabs = other.detail.tabs.map((tab) => ({ ...tab, selected: !tab.selected }));
  await page.shows(other);
  assert.equal(page.document.activeElement, page.byId("tabs").children[1]);
});

test("F6 goes through the parts of the window that are there", async () => {
  await page.shows(reads("r1"));
  page.byId("rows-scroll").focus();
  const seen = [];
  for (let step = 0; step < 5; step += 1) {
    page.press("F6", page.document.activeElement);
    seen.push(page.document.activeElement.id || page.document.activeElement.className);
  }
  assert.deepEqual(seen.slice(0, 2), ["tab", "lines"]);
  assert.ok(seen.includes("place"), seen.join());
  page.press("F6", page.document.activeElement, { shiftKey: true });
  assert.ok(seen.includes(page.document.activeElement.id || page.document.activeElement.className));
});

const reveal = (more) => ({ about: [[piece("Shows a secret in the clear.")]], choices: [[[piece("⟦secret of 16⟧")], true], [[piece("all 2 secrets")], false]], reason: [], writing: true, confirming: false, secrets: [], seconds: null, notice: null, ...more });

test("a secret is asked for with a reason, shown when the console gives it, and gone after", async () => {
  await page.shows(reads("r1", { detail: { ...reads("r1").detail, secrets: 2 } }));
  page.said.length = 0;
  page.press("s");
  await page.settle();
  assert.deepEqual(page.said, [{ do: "reveal" }]);
  await page.shows(reads("r1", { reveal: reveal() }));
  assert.ok(page.byId("reveal").open);
  page.said.length = 0;
  page.byId("reveal-reason").value = "is it the old one?";
  const [first, second] = page.byId("reveal-choices").querySelectorAll("input");
  first.checked = false;
  second.checked = true;
  page.press("Enter", page.byId("reveal-reason"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "reveal-this", choice: 1, reason: "is it the old one?" }]);
  await page.shows(reads("r1", { reveal: reveal({ writing: false, confirming: true, choices: [] }) }));
  assert.ok(page.byId("reveal-reason").readOnly);
  assert.match(page.byId("reveal-notice").textContent, /before you do/);
  page.said.length = 0;
  page.press("Enter", page.byId("reveal-reason"));
  await page.settle();
  assert.deepEqual(page.said, [], "asked once");
  await page.shows(reads("r1", { reveal: reveal({ writing: false, choices: [], seconds: 30, secrets: [[piece("hunter2 <img>")]] }) }));
  assert.equal(page.byId("reveal-secrets").textContent, "hunter2 <img>");
  assert.equal(page.byId("reveal-secrets").querySelectorAll("img").length, 0);
  await page.shows(reads("r1"));
  assert.ok(!page.byId("reveal").open);
  assert.ok(!page.document.documentElement.textContent.includes("hunter2"));
});

test("what is on screen of a difference is told with the action that it leads to", async () => {
  const fields = [{ field: "reason", label: "reason", value: [], focused: true }, { field: "life", label: "open for", value: [], focused: false }];
  await page.shows(reads("r1", { ceremony: ceremony({ request: "r7", fields, difference: [[piece("- 64")], [piece("+ 8")]], instead: "bb" }) }));
  const pane = page.byId("difference-lines");
  assert.equal(pane.getAttribute("tabindex"), "0");
  const box = (top, bottom) => () => ({ top, bottom, height: bottom - top });
  page.byId("ceremony-body").getBoundingClientRect = box(0, 500);
  pane.getBoundingClientRect = box(100, 200);
  pane.firstElementChild.getBoundingClientRect = box(100, 240);
  [...pane.querySelectorAll("p")].forEach((line, place) => {
    line.getBoundingClientRect = box(100 + 70 * place, 170 + 70 * place);
  });
  page.said.length = 0;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.deepEqual(page.said, [{ do: "showing-draft", action: "bb", from: [0, 0], to: [1, 0] }]);
  await page.shows(queue([row("r1")]));
});

test("a search stands in its field as the console has it, unless something is typed there", async () => {
  const searched = queue([row("r1")]);
  searched.queue.filter = [piece("billing")];
  await page.shows(searched);
  assert.equal(page.byId("filter").value, "billing");
  await page.shows(queue([row("r1")]));
  assert.equal(page.byId("filter").value, "", "what no longer holds is not said");
  page.byId("filter").focus();
  page.byId("filter").value = "typed";
  await page.shows(queue([row("r1"), row("r2")]));
  assert.equal(page.byId("filter").value, "typed");
  page.byId("filter").value = "";
  page.byId("rows-scroll").focus();
  const shown = reads("r1");
  shown.detail.search = [[piece("needle")], false];
  await page.shows(shown);
  assert.deepEqual([page.byId("find").value, page.byId("finding").hidden], ["needle", false]);
  await page.shows(reads("r1"));
  assert.deepEqual([page.byId("find").value, page.byId("finding").hidden], ["", true]);
});

test("a target that is too long for its row keeps its end", async () => {
  const target = [piece("file://web-1/"), piece("[U+202E]", "escape"), piece(`${"long/".repeat(60)}the-name.conf`)];
  await page.shows(queue([row("r1", { target })]));
  const shown = page.document.querySelector(".row-target");
  assert.ok([...shown.textContent].length <= 60, shown.textContent);
  assert.match(shown.textContent, /^file:\/\/web-1\/.*….*the-name\.conf$/);
  assert.equal(page.document.querySelector(".row").title, target.map(({ text }) => text).join(""));
  await page.shows(queue([row("r1", { target: [piece("file://web-1/short")] })]));
  assert.equal(page.document.querySelector(".row-target").textContent, "file://web-1/short");
});

test("rows have room for the names of their groups", async () => {
  await page.shows(queue([row("r1", { group: "risk high" }), row("r2")]));
  assert.match(page.byId("request-r2").style.transform, /108px/);
  await page.shows(queue([row("r1"), row("r2")]));
  assert.match(page.byId("request-r2").style.transform, /92px/);
});

test("what was not on screen yet is one click away, and nothing where all was", async () => {
  await page.shows(reads("r1"));
  page.said.length = 0;
  page.click(page.byId("unseen"));
  await page.settle();
  assert.deepEqual(page.said, [{ do: "unseen" }]);
  const shown = reads("r1");
  shown.detail.seen = [3, 3];
  await page.shows(shown);
  assert.ok(page.byId("unseen").hidden);
});

test("while a text is rewritten the keyboard is in it, and the chord takes it instead of signing", async () => {
  await page.shows(reads("r1", { ceremony: ceremony({ request: "r6", rewritable: true, ready: true }) }));
  await page.shows(reads("r1", { ceremony: ceremony({ request: "r6", rewritable: true, ready: true }), editing: "workers = 8\n" }));
  assert.equal(page.document.activeElement.id, "ceremony-text");
  assert.equal(page.byId("ceremony").dataset.editing, "true");
  page.said.length = 0;
  page.signed.length = 0;
  page.byId("ceremony-text").value = "workers = 6\n";
  page.press("s", page.byId("ceremony-text"), { ctrlKey: true });
  await page.settle();
  assert.deepEqual([page.said, page.signed], [[{ do: "edited", text: "workers = 6\n" }], []]);
  await page.shows(reads("r1", { ceremony: ceremony({ request: "r6", rewritable: true, ready: true }) }));
  assert.equal(page.document.activeElement.id, "field-reason", "and then where it was");
  await page.shows(queue([row("r1")]));
});

test("keys scroll the list of keys, and move nothing under it", async () => {
  await page.shows({ ...queue([row("r1")]), help: true });
  const list = page.byId("help");
  const by = [];
  list.scrollBy = ({ top }) => by.push(Math.sign(top));
  Object.defineProperty(list, "clientHeight", { value: 400 });
  page.said.length = 0;
  for (const key of ["j", "PageDown", "ArrowUp"]) page.press(key);
  await page.settle();
  assert.deepEqual([by, page.said], [[1, 1, -1], []]);
  await page.shows(queue([row("r1")]));
});

test("Esc is named where it does something", async () => {
  const named = () => page.byId("keys").textContent;
  await page.shows(queue([row("r1")]));
  assert.ok(!named().includes("Esc"), named());
  const searched = queue([row("r1")]);
  searched.queue.filter = [piece("billing")];
  await page.shows(searched);
  assert.match(named(), /Esc clear the search/);
  await page.shows(reads("r1"));
  assert.match(named(), /Esc back/);
});

test("who reads a request has the keyboard in it, and who goes back in the queue", async () => {
  await page.shows(queue([row("r1")]));
  assert.equal(page.document.activeElement.id, "rows-scroll");
  await page.shows(reads("r1"));
  assert.equal(page.document.activeElement.id, "lines");
  page.byId("rows-scroll").focus();
  await page.shows(reads("r1"));
  assert.equal(page.document.activeElement.id, "rows-scroll", "nobody is taken away from where they went");
  await page.shows(reads("r2"));
  assert.equal(page.document.activeElement.id, "lines");
  await page.shows(queue([row("r1")]));
  assert.equal(page.document.activeElement.id, "rows-scroll");
});

test("a row says where it can't be decided, and nothing of it where it is over", async () => {
  const of = (more) => row("r1", { yours: piece("no", "faint"), ...more });
  const said = async (one) => {
    await page.shows(queue([one]));
    return page.document.querySelector(".row-yours")?.textContent ?? null;
  };
  assert.equal(await said(of()), "waits for others");
  assert.equal(await said(of({ yours: piece("deny", "warn") })), "deny only");
  assert.equal(await said(of({ yours: piece("yes", "good") })), null);
  assert.equal(await said(of({ state: piece("denied", "bad") })), null);
  assert.match(page.document.querySelector(".row-needs").textContent, /^0 of 1 approved$/);
});

test("a batch offers nothing that can't be done with it", async () => {
  const hidden = () => ["ask", "counter", "deny", "approve"].map((id) => page.byId(id).hidden);
  await page.shows(reads("r1"));
  assert.deepEqual(hidden(), [false, false, false, false]);
  const batch = { title: [], advice: [], members: [], cursor: 0, about: [], seen: [0, 3] };
  await page.shows({ ...reads("r1"), screen: "batch", detail: null, batch });
  assert.deepEqual(hidden(), [true, true, false, false]);
  await page.shows(reads("r1"));
  assert.deepEqual(hidden(), [false, false, false, false]);
});

test("everything gets larger and smaller, in a field too", async () => {
  await page.shows(queue([row("r1")]));
  page.said.length = 0;
  for (const key of ["+", "=", "-", "0"]) assert.ok(page.press(key, page.byId("filter"), { ctrlKey: true }), key);
  page.press("-", page.byId("filter"));
  await page.settle();
  assert.deepEqual(page.said, [1, 1, -1, 0].map((by) => ({ do: "zoom", by })));
});

test("a file of evidence says what it is and whether it holds", async () => {
  await page.shows({ ...queue([]), file: { kind: "evidence", name: "week.json", path: "/tmp/x/week.json" }, header: { who: [], root: "", connection: piece("✗ NOT VALID", "bad") } });
  assert.match(page.byId("file").textContent, /^evidence week\.json/);
  assert.ok(!page.document.body.textContent.includes("/tmp/x"));
  assert.match(page.byId("connection").textContent, /NOT VALID/);
});

test("what can't be decided names no key that decides, and says why to who strikes one", async () => {
  const named = () => page.byId("keys").textContent;
  await page.shows(reads("r1"));
  assert.match(named(), /A approve/);
  await page.shows({ ...reads("r1"), detail: { ...reads("r1").detail, decides: false } });
  assert.doesNotMatch(named(), /approve|deny/);
  page.said.length = 0;
  page.press("A");
  await page.settle();
  // The console says why not.
  assert.deepEqual(page.said, [{ do: "begin", verdict: "approve" }]);
});

test("a fault is told in place of everything", async () => {
  await page.shows({ ...queue([]), header: null });
  assert.equal(page.document.body.dataset.screen, "broken");
  assert.ok(page.byId("console").hidden);
});
