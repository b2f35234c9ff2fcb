// Compares two JSON files with jsondiffpatch, as its users do: elements of lists are known by name.
// Prints milliseconds of processor time for the comparison, for it with parsing, and the number of entries.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, before, after] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/package.json`));
const { create } = await import(pathToFileURL(require.resolve('jsondiffpatch')).href);
const spent = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const texts = [before, after].map((path) => readFileSync(path, 'utf8'));
const start = spent();
const [old, now] = texts.map((text) => JSON.parse(text));
const parsed = spent();
const differ = create({ objectHash: (item, index) => item.address ?? item.name ?? item.id ?? `#${index}` });
const delta = differ.diff(old, now);
const end = spent();

// One entry for each leaf of the delta: [new], [old, new], [old, 0, 0] or ['', to, 3].
const entries = (node) =>
  Array.isArray(node)
    ? 1
    : node && typeof node === 'object'
      ? Object.entries(node).reduce((sum, [key, value]) => sum + (key === '_t' ? 0 : entries(value)), 0)
      : 0;
console.log(end - parsed, end - start, entries(delta));
