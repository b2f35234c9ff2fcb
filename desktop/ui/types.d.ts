// What passes between the page and the console. Written by the test that compares it with the Rust types; after a change
// of those: `COUNTERSIGN_WRITE_TYPES=1 cargo nextest run -p countersign-desktop types`.

export type Severity = "none" | "low" | "medium" | "high" | "critical";

export type Tone = "plain" | "strong" | "faint" | "heading" | "claim" | "escape" | "added" | "added-mark" | "removed" | "removed-mark" | "hunk" | "match" | "good" | "warn" | "bad" | { "risk": Severity };

export type Piece = { 
/**
 * Printable characters only.
 */
text: string, 
/**
 * How it is meant.
 */
tone: Tone, };

export type Column = { 
/**
 * What stands before it where the columns stand one under the other; in the line that names the columns nothing.
 */
label: string, 
/**
 * It.
 */
text: Array<Piece>, };

export type PaneLine = { 
/**
 * What stands beside it, such as line numbers; repeated as blanks where the line wraps.
 */
gutter: Array<Piece>, 
/**
 * The line.
 */
text: Array<Piece>, 
/**
 * What stands beside it on the right: its gutter and its line.
 */
beside: [Array<Piece>, Array<Piece>] | null, 
/**
 * Columns in place of the line: beside each other where there is room, else one under the other.
 */
columns: Array<Column>, };

export type HeaderView = { 
/**
 * The organisation and the person, once known.
 */
who: Array<Piece>, 
/**
 * The first words of the root, to recognise it by.
 */
root: string, 
/**
 * Whether the backend is there, and how old what is shown may be; of evidence, whether it holds.
 */
connection: Piece, };

export type ChoiceView = { 
/**
 * What it is.
 */
title: string, 
/**
 * What it does, and how else to do it.
 */
lines: [string, string], 
/**
 * Whether the cursor is on it.
 */
selected: boolean, };

export type QueueRow = { 
/**
 * The request.
 */
id: string, 
/**
 * The group that begins with it.
 */
group: string | null, 
/**
 * Whether the cursor is on it.
 */
selected: boolean, 
/**
 * Whether it is marked, to be decided with others.
 */
marked: boolean, 
/**
 * Whether its request statement is signed by the pinned backend.
 */
believed: boolean, 
/**
 * Where it stands.
 */
state: Piece, 
/**
 * How bad it is, by sign and word.
 */
risk: Piece, 
/**
 * What sort of change it is.
 */
kind: Piece, 
/**
 * What it acts on, or why it is refused.
 */
target: Array<Piece>, 
/**
 * Who asks.
 */
agent: string, 
/**
 * Where it takes effect.
 */
environment: string, 
/**
 * How long it can be decided.
 */
left: Piece, 
/**
 * Approvals given, of those it takes.
 */
needs: Piece, 
/**
 * Whether this person can decide it.
 */
yours: Piece, 
/**
 * Who else looks at it now.
 */
looking: string | null, };

export type QueueView = { 
/**
 * The rows of the window.
 */
rows: Array<QueueRow>, 
/**
 * Rows that pass the filter.
 */
passing: number, 
/**
 * Rows in all.
 */
total: number, 
/**
 * Whether more of them are still on their way.
 */
more: boolean, 
/**
 * The lanes, each with its title and how many it holds, and whether it is shown.
 */
lanes: Array<[string, number, boolean]>, 
/**
 * How the rows are ordered.
 */
order: string, 
/**
 * What to know of the request under the cursor before it is read.
 */
selected: Array<Piece>, 
/**
 * The place of the cursor among those that pass.
 */
cursor: number, 
/**
 * The filter, where there is one.
 */
filter: Array<Piece> | null, 
/**
 * Whether the filter is being written.
 */
filtering: boolean, 
/**
 * What to say where no row is.
 */
empty: Array<Array<Piece>>, 
/**
 * Why the last load failed.
 */
trouble: Array<Piece> | null, };

export type TabView = { 
/**
 * Its title.
 */
title: string, 
/**
 * How many items it holds, where that says something.
 */
count: number | null, 
/**
 * Whether it is read.
 */
selected: boolean, };

export type DetailView = { 
/**
 * The request.
 */
id: string, 
/**
 * Who wants what, where, why claimed, until when.
 */
sentence: Array<Piece>, 
/**
 * Risk, phase, time left, approvals: each a piece.
 */
facts: Array<Piece>, 
/**
 * Who else looks at it; comes and goes at any time, so nothing may move by it.
 */
looking: string | null, 
/**
 * The six words to compare screens by.
 */
check_words: string, 
/**
 * Why this person cannot decide it.
 */
why_not: string | null, 
/**
 * What is wrong with the evidence.
 */
problems: Array<Array<Piece>>, 
/**
 * The tabs.
 */
tabs: Array<TabView>, 
/**
 * Whether there is anything to decide: not about local files, nor by evidence.
 */
decides: boolean, 
/**
 * How many secrets are masked.
 */
secrets: number, 
/**
 * Lines of the sheet that were on screen, of all.
 */
seen: [number, number], 
/**
 * Whether there is anything to read.
 */
readable: boolean, 
/**
 * What is searched for, where something is, and whether it is being written.
 */
search: [Array<Piece>, boolean] | null, 
/**
 * How far the search is, in hundredths, while it is under way.
 */
sought: number | null, };

export type MemberView = { 
/**
 * Its number in the batch, from 1.
 */
number: number, 
/**
 * Whether the cursor is on it.
 */
selected: boolean, 
/**
 * What it acts on.
 */
target: Array<Piece>, 
/**
 * Why it cannot be decided, or how far its decision is.
 */
state: Array<Piece>, 
/**
 * How long it can be decided.
 */
left: Piece, };

export type BatchView = { 
/**
 * What they are together, or why they are not decided together.
 */
title: Array<Piece>, 
/**
 * What to do next.
 */
advice: Array<Piece>, 
/**
 * What came of the one under the cursor, in whole.
 */
about: Array<Piece>, 
/**
 * The requests.
 */
members: Array<MemberView>, 
/**
 * The place of the cursor among them.
 */
cursor: number, 
/**
 * Lines of the merged sheet that were on screen, of all.
 */
seen: [number, number], };

export type Field = "reason" | "rows" | "life" | "name" | "passphrase";

export type FieldView = { 
/**
 * Which it is.
 */
field: Field, 
/**
 * What to write.
 */
label: string, 
/**
 * What was written; a secret as dots.
 */
value: Array<Piece>, 
/**
 * Whether it is being written.
 */
focused: boolean, };

export type CeremonyView = { 
/**
 * The request that is decided.
 */
request: string, 
/**
 * The sheet that it is decided by.
 */
view_digest: string, 
/**
 * Whether it may harm much, so that more is asked of the person.
 */
grave: boolean, 
/**
 * Whether it waits for the person's answer outside this surface.
 */
confirming: boolean, 
/**
 * The usual reasons to choose from.
 */
reasons: Array<string>, 
/**
 * What it decides.
 */
verdict: Piece, 
/**
 * Exactly what is signed: labels and values.
 */
signed: Array<[string, Array<Piece>]>, 
/**
 * The six words to compare screens by.
 */
check_words: string, 
/**
 * What a counter-proposal changes about what was asked.
 */
difference: Array<Array<Piece>>, 
/**
 * The action that this is the difference of, where there is one.
 */
instead: string | null, 
/**
 * The first line of it on screen.
 */
first: number, 
/**
 * Whether there is a text that can be rewritten.
 */
rewritable: boolean, 
/**
 * What is written.
 */
fields: Array<FieldView>, 
/**
 * What has to be true, and whether it is.
 */
requirements: Array<[boolean, string]>, 
/**
 * Why the last try did nothing.
 */
notice: Array<Piece> | null, 
/**
 * How far it is, once it was signed.
 */
progress: Array<Array<Piece>>, 
/**
 * Whether it is over, so that Enter closes it.
 */
over: boolean, 
/**
 * Whether leaving calls it off, because nothing is signed yet.
 */
can_call_off: boolean, 
/**
 * Whether the chord would sign now.
 */
ready: boolean, 
/**
 * Whether there are usual reasons to choose from.
 */
presets: boolean, };

export type RevealView = { 
/**
 * What it does, and what comes of it.
 */
about: Array<Array<Piece>>, 
/**
 * What there is to choose from, and whether it is chosen; nothing where it can no longer be chosen.
 */
choices: Array<[Array<Piece>, boolean]>, 
/**
 * The reason that is written.
 */
reason: Array<Piece>, 
/**
 * Whether it can be written on.
 */
writing: boolean, 
/**
 * Whether it waits for the person's answer outside this surface.
 */
confirming: boolean, 
/**
 * The secrets line by line, once they are recorded as revealed; until then there is none.
 */
secrets: Array<Array<Piece>>, 
/**
 * For how many seconds more they are shown.
 */
seconds: number | null, 
/**
 * What went wrong, or on.
 */
notice: Array<Piece> | null, };

export type QuestionView = { 
/**
 * What it is and what it is not.
 */
about: Array<Piece>, 
/**
 * What is written.
 */
text: Array<Piece>, 
/**
 * Whether it can be written on.
 */
writing: boolean, 
/**
 * How many bytes it may still have, where few are left.
 */
room: number | null, 
/**
 * What went wrong, or on.
 */
notice: Array<Piece> | null, };

export type Setup = { 
/**
 * Ways to begin.
 */
choices: Array<ChoiceView>, 
/**
 * Why the home that is there cannot be used.
 */
problem: string | null, };

export type FileView = { 
/**
 * What it is.
 */
kind: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Where it is.
 */
path: string, };

export type Tab = { 
/**
 * Changes whenever any of its lines may have.
 */
key: string, 
/**
 * How many lines it has.
 */
len: number, 
/**
 * The line to begin with.
 */
top: number, 
/**
 * Rises whenever that line is to be gone to, even where the page has scrolled away from it.
 */
jump: number, 
/**
 * The digest of the sheet, where the tab is one: what is on screen of it is told.
 */
sheet: string | null, };

export type PastRow = { 
/**
 * The request.
 */
id: string, 
/**
 * How it ended.
 */
state: Piece, 
/**
 * How bad it was.
 */
risk: Piece, 
/**
 * What sort of change it was.
 */
kind: string, 
/**
 * What it acted on.
 */
target: Array<Piece>, 
/**
 * Who asked.
 */
agent: string, 
/**
 * Where it took effect.
 */
environment: string, 
/**
 * Who decided.
 */
by: string, 
/**
 * When the last of them did, or else when it was asked.
 */
at: string, 
/**
 * How long that took.
 */
took: string, };

export type PaceView = { 
/**
 * The severity.
 */
risk: Piece, 
/**
 * How many were decided.
 */
count: number, 
/**
 * Half of them took at most this long, in words.
 */
median: string, 
/**
 * The bar of it.
 */
median_bar: number, 
/**
 * Nine in ten of them took at most this long, in words.
 */
slow: string, 
/**
 * The bar of it.
 */
slow_bar: number, };

export type WaitingView = { 
/**
 * The severity.
 */
risk: Piece, 
/**
 * How many, by age, and the bar of each.
 */
counts: Array<[number, number]>, };

export type HistoryView = { 
/**
 * What is searched for, as it was typed.
 */
text: string, 
/**
 * The rows of the window.
 */
rows: Array<PastRow>, 
/**
 * The place of the first of them.
 */
first: number, 
/**
 * How many were found.
 */
found: number, 
/**
 * Whether more of the queue is still on its way.
 */
more: boolean, 
/**
 * The ways to end: title, how many, and whether these are shown.
 */
endings: Array<[string, number, boolean]>, 
/**
 * How long decisions took, the worst severity first.
 */
paces: Array<PaceView>, 
/**
 * The ages by which open requests are counted.
 */
ages: Array<string>, 
/**
 * The open requests, the worst severity first.
 */
waiting: Array<WaitingView>, };

export type KeyView = { 
/**
 * Its name on this machine.
 */
name: Array<Piece>, 
/**
 * What keeps it.
 */
provider: string, 
/**
 * What it signs.
 */
signs: string, 
/**
 * Its id.
 */
id: string, 
/**
 * Where it is kept, where that is known.
 */
kept_in: Array<Piece> | null, 
/**
 * What it asks for before it signs.
 */
asks: string | null, 
/**
 * Whether it can be used now, or why not.
 */
usable: Array<Piece>, 
/**
 * How it is kept, as the directory says.
 */
assurance: Piece, 
/**
 * What a signature by it proves of the person.
 */
presence: string, 
/**
 * Until when it counts.
 */
valid: Piece, };

export type KeysView = { 
/**
 * The keys.
 */
keys: Array<KeyView>, 
/**
 * Whether devices, agents and the keyring are still asked.
 */
asking: boolean, 
/**
 * Why they cannot be listed.
 */
trouble: string | null, };

export type SettingsView = { 
/**
 * Whether the desktop tells of new requests.
 */
notify: boolean, 
/**
 * When it tells of none; empty for never.
 */
quiet_hours: string, 
/**
 * Whether there is an icon in the tray.
 */
tray: boolean, 
/**
 * Why what was set last was not kept.
 */
trouble: string | null, 
/**
 * Whether what was set last is kept.
 */
kept: boolean, };

export type AsideView = { "is": "history" } & HistoryView | { "is": "keys" } & KeysView | { "is": "settings" } & SettingsView;

export type WindowTheme = "system" | "light" | "dark" | "contrast";

export type Density = "comfortable" | "compact";

export type Look = { 
/**
 * The colours.
 */
theme: WindowTheme, 
/**
 * How close together things stand.
 */
density: Density, 
/**
 * How large everything is, in hundredths; drawn so by the engine.
 */
zoom: number, };

export type Snapshot = { 
/**
 * Rises with everything that happens.
 */
revision: number, 
/**
 * Which screen has the keyboard.
 */
screen: "first-run" | "queue" | "detail" | "batch" | "history" | "keys" | "settings", 
/**
 * Whether everything that is shown is computed.
 */
complete: boolean, 
/**
 * The line on top.
 */
header: HeaderView, 
/**
 * Notices, newest last.
 */
notices: Array<Array<Piece>>, 
/**
 * Whether the list of keys is shown.
 */
help: boolean, 
/**
 * What a new user can do, where nothing is configured.
 */
setup: Setup | null, 
/**
 * The place of the first row in `queue`.
 */
first_row: number, 
/**
 * The requests.
 */
queue: QueueView, 
/**
 * The request that is read.
 */
detail: DetailView | null, 
/**
 * The requests that are read together.
 */
batch: BatchView | null, 
/**
 * The tab that is read.
 */
tab: Tab | null, 
/**
 * The lines of that tab to begin with, where the page has drawn another one.
 */
lines: Lines | null, 
/**
 * The decision that is made.
 */
ceremony: CeremonyView | null, 
/**
 * The secret that is asked for, or shown.
 */
reveal: RevealView | null, 
/**
 * The question that is written.
 */
question: QuestionView | null, 
/**
 * The text of a counter-proposal that is rewritten, exactly as it is.
 */
editing: string | null, 
/**
 * The file that is read, where it is not the backend's queue.
 */
file: FileView | null, 
/**
 * Whether the request moved while it was read.
 */
moved: boolean, 
/**
 * The screen beside the requests that is open.
 */
aside: AsideView | null, 
/**
 * How everything looks.
 */
look: Look, };

export type Lines = { 
/**
 * The tab's key; lines of another one are not to be mixed with these.
 */
key: string, 
/**
 * The place of the first line.
 */
first: number, 
/**
 * The lines.
 */
lines: Array<PaneLine>, };

export type Place = "requests" | "history" | "keys" | "settings";

export type Settings = { 
/**
 * The colours.
 */
theme: WindowTheme, 
/**
 * How close together things stand.
 */
density: Density, 
/**
 * Whether the desktop tells of new requests.
 */
notify: boolean, 
/**
 * When it tells of none; empty for never.
 */
quiet_hours: string, 
/**
 * Whether there is an icon in the tray.
 */
tray: boolean, };

export type Input = { "do": "move", 
/**
 * How many, downwards.
 */
by: number, } | { "do": "first" } | { "do": "last" } | { "do": "enter" } | { "do": "open", 
/**
 * Which.
 */
id: string, } | { "do": "other", 
/**
 * How many rows down.
 */
by: number, } | { "do": "back" } | { "do": "read", 
/**
 * Its place among the tabs.
 */
tab: number, } | { "do": "next-tab" } | { "do": "previous-tab" } | { "do": "lane", 
/**
 * Its place among the lanes.
 */
lane: number, } | { "do": "next-lane" } | { "do": "previous-lane" } | { "do": "reorder" } | { "do": "beside" } | { "do": "fold" } | { "do": "next-finding" } | { "do": "previous-finding" } | { "do": "filter", 
/**
 * For what.
 */
text: string, } | { "do": "search", 
/**
 * For what.
 */
text: string, } | { "do": "next-mark", 
/**
 * The line that is on top now.
 */
from: number, } | { "do": "previous-mark", 
/**
 * The line that is on top now.
 */
from: number, } | { "do": "suspicious" } | { "do": "unseen" } | { "do": "rows", 
/**
 * The first of them.
 */
first: number, } | { "do": "copy" } | { "do": "help" } | { "do": "refresh" } | { "do": "look-again" } | { "do": "mark" } | { "do": "mark-alike" } | { "do": "read-marked" } | { "do": "reveal" } | { "do": "reveal-this", 
/**
 * Its place among the choices.
 */
choice: number, 
/**
 * Why.
 */
reason: string, } | { "do": "ask" } | { "do": "question", 
/**
 * The question.
 */
text: string, } | { "do": "begin", 
/**
 * Which.
 */
verdict: "approve" | "deny", } | { "do": "counter" } | { "do": "put", 
/**
 * Which.
 */
field: Field, 
/**
 * What stands there now.
 */
text: string, } | { "do": "edit" } | { "do": "edited", 
/**
 * The text.
 */
text: string, } | { "do": "leave-editor" } | { "do": "groups" } | { "do": "go", 
/**
 * Which.
 */
to: Place, } | { "do": "seek", 
/**
 * Words that name them.
 */
text: string, 
/**
 * How they ended: its place among the ways to end.
 */
ending: number, 
/**
 * The first of them that is looked at.
 */
first: number, } | { "do": "keep", 
/**
 * To this.
 */
settings: Settings, } | { "do": "zoom", 
/**
 * Above zero larger, below smaller.
 */
by: number, } | { "do": "leave-file" } | { "do": "showing-draft", 
/**
 * The action that they lead to.
 */
action: string, 
/**
 * The first line, and its first character on screen.
 */
from: [number, number], 
/**
 * The first line that is not wholly on screen, and its first character that is not.
 */
to: [number, number], } | { "do": "showing", 
/**
 * The sheet.
 */
view: string, 
/**
 * The first line, and its first character on screen.
 */
from: [number, number], 
/**
 * The first line that is not wholly on screen, and its first character that is not.
 */
to: [number, number], };

export type Signing = { 
/**
 * The request that was on screen.
 */
request: string, 
/**
 * The digest of the sheet that was on screen.
 */
view_digest: string, 
/**
 * What was typed.
 */
typed: [Field, string][], };
