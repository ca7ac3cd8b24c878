// Writes every JSON-LD context found below a folder of installed packages as a JSON file of its own.
// Some packages hold contexts as JSON, some as CommonJS modules. Which of them count is decided by whoever reads the
// result: by hash, so nothing that a module does here can change what a context says.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const [source, target] = process.argv.slice(2);
if (!source || !target) {
  console.error('usage: node collect.cjs NODE_MODULES OUT');
  process.exit(2);
}
fs.mkdirSync(target, {recursive: true});
let count = 0;

function keep(value) {
  if (value && typeof value === 'object' && value['@context']) {
    fs.writeFileSync(path.join(target, `${count++}.json`), JSON.stringify(value));
  }
}

function read(file) {
  if (/\.json(ld)?$/.test(file)) {
    return [JSON.parse(fs.readFileSync(file, 'utf8'))];
  }
  if (/contexts?[^/]*\/.*\.c?js$/.test(file)) {
    const module = require(path.resolve(file));
    return [module, ...Object.values(module ?? {})];
  }
  return [];
}

for (const entry of fs.readdirSync(source, {recursive: true, withFileTypes: true})) {
  const file = path.join(entry.parentPath ?? entry.path, entry.name);
  if (!entry.isFile() || entry.name === 'package.json') {
    continue;
  }
  try {
    read(file).forEach(keep);
  } catch {
    // not JSON, or a module for another kind of program: contexts are looked for, nothing else
  }
}
console.error(`${count} candidates`);
