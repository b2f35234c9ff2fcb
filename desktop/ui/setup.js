// What a new user can do, in words; and what is wrong with a home that cannot be used.

import { dispatch } from "./ipc.js";
import { button, byId, draw, element, plain } from "./text.js";

const page = byId("setup");

/** @param {import("./types").Setup} setup */
export function drawSetup(setup) {
  draw(page, setup, setupNodes);
}

/**
 * @param {import("./types").Setup} setup
 * @returns {Node[]}
 */
function setupNodes({ choices, problem }) {
  const nodes = [];
  if (problem) {
    const told = element("p", "", plain(problem));
    told.id = "setup-problem";
    told.setAttribute("role", "alert");
    nodes.push(
      element("h1", "", "This home cannot be used yet"),
      told,
      element("p", "lead", "Mend it in a terminal; ", element("code", "", "countersign doctor"), " says how."),
    );
  } else {
    nodes.push(
      element("h1", "", "Nothing is configured here yet"),
      element("p", "lead", "Countersign shows you what agents ask for before it happens. Begin in a terminal, in one of these ways:"),
    );
  }
  nodes.push(element("ul", "choices", ...choices.map(choiceNode)));
  const again = button("primary", () => dispatch({ do: "refresh" }), "Look again ", element("kbd", "", "r"));
  again.id = "setup-again";
  nodes.push(element("p", "", again));
  return [element("div", "setup-inner", ...nodes)];
}

/** @param {import("./types").ChoiceView} choice */
function choiceNode({ title, lines: [what, how] }) {
  const command = how.replace(/^Also: /, "");
  return element("li", "", element("h2", "", title), element("p", "", what), element("p", "command", element("code", "", command)));
}
