// What passes between the page and the console; mirrors `src/snapshot.rs`, `src/command.rs` and the view models of
// the console crate.

export type Severity = "none" | "low" | "medium" | "high" | "critical";
export type Tone =
  | "plain" | "strong" | "faint" | "heading" | "claim" | "escape"
  | "added" | "added-mark" | "removed" | "removed-mark" | "hunk" | "match"
  | "good" | "warn" | "bad"
  | { risk: Severity };
export interface Piece { text: string; tone: Tone }
export type Text = Piece[];

export interface Snapshot {
  revision: number;
  screen: "first-run" | "queue" | "detail";
  complete: boolean;
  header: { who: Text; root: string; connection: Piece };
  notices: Text[];
  help: boolean;
  setup: Setup | null;
  first_row: number;
  queue: QueueView;
  detail: DetailView | null;
  tab: Tab | null;
  moved: boolean;
}
export interface Setup { choices: ChoiceView[]; problem: string | null }
export interface ChoiceView { title: string; lines: [string, string]; selected: boolean }
export interface QueueView {
  rows: QueueRow[];
  passing: number;
  total: number;
  lanes: [title: string, count: number, shown: boolean][];
  order: string;
  selected: Text;
  cursor: number;
  filter: Text | null;
  filtering: boolean;
  empty: Text[];
  trouble: Text | null;
}
export interface QueueRow {
  id: string;
  group: string | null;
  selected: boolean;
  believed: boolean;
  state: Piece;
  risk: Piece;
  kind: Piece;
  target: Text;
  agent: string;
  environment: string;
  left: Piece;
  needs: Piece;
  yours: Piece;
}
export interface DetailView {
  id: string;
  sentence: Text;
  facts: Piece[];
  looking: string | null;
  check_words: string;
  why_not: string | null;
  problems: Text[];
  tabs: { title: string; count: number | null; selected: boolean }[];
  seen: [number, number];
  readable: boolean;
  search: [Text, boolean] | null;
}
export interface Tab { key: string; len: number; top: number }
export interface Column { label: string; text: Text }
export interface PaneLine { gutter: Text; text: Text; beside: [Text, Text] | null; columns: Column[] }
export interface Lines { key: string; first: number; lines: PaneLine[] }

export type Input =
  | { do: "move"; by: number }
  | { do: "first" | "last" | "enter" | "back" | "next-tab" | "previous-tab" | "help" | "refresh" | "look-again" }
  | { do: "next-lane" | "previous-lane" | "reorder" | "beside" | "fold" | "next-finding" | "previous-finding" }
  | { do: "lane"; lane: number }
  | { do: "open"; id: string }
  | { do: "read"; tab: number }
  | { do: "filter"; text: string }
  | { do: "rows"; first: number };
