// Other people's software behind one pipe: a request in JSON on each line, an answer on each line.
//
//   {"do": "vc-verify", "suite", "credential", "documents"}                   @digitalbazaar/vc with this one suite
//   {"do": "vc-issue", "suite", "credential", "key", "documents"}
//   {"do": "core-verify", "credential", "documents"}                          @digitalcredentials/verifier-core
//   {"do": "sdjwt-verify", "token", "issuer", "holder", "nonce", "required"}  @sd-jwt/core, keys as JWK
//   {"do": "sdjwt-issue", "claims", "frame", "header", "key"}
//
// Nothing is fetched: what a request does not bring in `documents` is not there.
import crypto from 'node:crypto';
import readline from 'node:readline';

// what the packages say about their work is no answer
console.log = console.info = console.error;

let held = {};
globalThis.fetch = async resource => {
  const url = typeof resource === 'string' ? resource : (resource.url ?? String(resource));
  if (!(url in held)) {
    return new Response('not held', {status: 404});
  }
  return new Response(JSON.stringify(held[url]), {status: 200, headers: {'content-type': 'application/json'}});
};

const {DataIntegrityProof} = await import('@digitalbazaar/data-integrity');
const {createVerifyCryptosuite, createSignCryptosuite} = await import('@digitalbazaar/eddsa-jcs-2022-cryptosuite');
const {cryptosuite: rdfc} = await import('@digitalbazaar/eddsa-rdfc-2022-cryptosuite');
const Ed25519Multikey = await import('@digitalbazaar/ed25519-multikey');
const vc = await import('@digitalbazaar/vc');
const {SDJwtInstance} = await import('@sd-jwt/core');
const {verifyCredential} = await import('@digitalcredentials/verifier-core');

async function documentLoader(url) {
  if (!(url in held)) {
    throw new Error(`not held: ${url}`);
  }
  return {contextUrl: null, documentUrl: url, document: held[url]};
}

function describe(error) {
  const inner = error?.errors ?? error?.cause?.errors ?? [];
  return [String(error), ...inner.map(String)].join('; ');
}

const hasher = (data, name) => new Uint8Array(crypto.createHash(name.replace('-', '')).update(data).digest());
const ed25519 = jwk => crypto.createPublicKey({key: jwk, format: 'jwk'});
const verifierOf = jwk => (data, signature) => {
  const isP256 = jwk.kty === 'EC';
  const key = isP256 ? {key: ed25519(jwk), dsaEncoding: 'ieee-p1363'} : ed25519(jwk);
  return crypto.verify(isP256 ? 'sha256' : null, Buffer.from(data), key, Buffer.from(signature, 'base64url'));
};

const actions = {
  async 'vc-verify'({suite, credential}) {
    const cryptosuite = suite === 'eddsa-jcs-2022' ? createVerifyCryptosuite() : rdfc;
    // status lists are not its business but a plug-in's; verifier-core reads ours
    const checkStatus = async () => ({verified: true});
    const result = await vc.verifyCredential({
      credential, suite: new DataIntegrityProof({cryptosuite}), documentLoader, checkStatus
    });
    return {verified: result.verified, error: result.verified ? '' : describe(result.error)};
  },

  async 'vc-issue'({suite, credential, key}) {
    const signer = (await Ed25519Multikey.from(key)).signer();
    const cryptosuite = suite === 'eddsa-jcs-2022' ? createSignCryptosuite() : rdfc;
    return {credential: await vc.issue({credential, suite: new DataIntegrityProof({cryptosuite, signer}), documentLoader})};
  },

  async 'core-verify'({credential}) {
    const {log = [], errors = []} = await verifyCredential({credential, knownDIDRegistries: []});
    return {log: Object.fromEntries(log.map(step => [step.id, step.valid])), errors: errors.map(one => one.name)};
  },

  async 'sdjwt-verify'({token, issuer, holder, nonce, required}) {
    const instance = new SDJwtInstance({
      hasher, hashAlg: 'sha-256', verifier: verifierOf(issuer), kbVerifier: holder ? verifierOf(holder) : undefined
    });
    const found = await instance.verify(token, {requiredClaimKeys: required ?? [], keyBindingNonce: nonce});
    return {payload: found.payload, audience: found.kb?.payload.aud ?? null};
  },

  async 'sdjwt-issue'({claims, frame, header, key}) {
    const secret = crypto.createPrivateKey({key, format: 'jwk'});
    const signer = data => crypto.sign(null, Buffer.from(data), secret).toString('base64url');
    const instance = new SDJwtInstance({
      hasher, hashAlg: 'sha-256', signer, signAlg: 'EdDSA',
      saltGenerator: length => crypto.randomBytes(length).toString('base64url')
    });
    return {token: await instance.issue(claims, frame, {header})};
  }
};

for await (const line of readline.createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  held = request.documents ?? {};
  let answer;
  try {
    answer = await actions[request.do](request);
  } catch (error) {
    answer = {error: describe(error) || 'refused'};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
