// Verifies one credential again and again with the @digitalbazaar suites; prints milliseconds for each, the median.
// usage: node verify.mjs FILE ROUNDS; FILE is JSON: {suite, credential, documents: {url: document}}
import fs from 'node:fs';
import {createVerifyCryptosuite as jcs} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as rdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import jsigs from 'jsonld-signatures';

const {suite, credential, documents} = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const rounds = Number(process.argv[3]);
const cryptosuite = suite === 'eddsa-jcs-2022' ? jcs() : rdfc;

async function documentLoader(url) {
  if (!(url in documents)) {
    throw new Error(`not held: ${url}`);
  }
  return {contextUrl: null, documentUrl: url, document: documents[url]};
}

const times = [];
for (let round = 0; round < rounds; round++) {
  const document = structuredClone(credential);
  const started = process.hrtime.bigint();
  const result = await jsigs.verify(document, {
    suite: new DataIntegrityProof({cryptosuite}),
    purpose: new jsigs.purposes.AssertionProofPurpose(),
    documentLoader
  });
  times.push(Number(process.hrtime.bigint() - started) / 1e6);
  if (!result.verified) {
    console.error(result.error);
    process.exit(1);
  }
}
times.sort((a, b) => a - b);
console.log(times[times.length >> 1]);
