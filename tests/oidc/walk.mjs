// Signs people in at a real OpenID provider on this machine: the code flow with PKCE, access tokens of a machine, keys
// that change, a provider that is gone, access that ends, and a log of the program that holds nothing of all that.
//
// usage: node walk.mjs PROGRAM
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Provider } from 'oidc-provider';

const program = process.argv[2];
assert.ok(program, 'usage: node walk.mjs PROGRAM');
const folder = mkdtempSync(join(tmpdir(), 'mandate-oidc-'));
const AUDIENCE = 'mandate-api';
const secret = randomUUID();
/** Whatever must not stand in the log of the program. */
const canaries = new Set([secret]);
const people = {
  'login-una': { sub: 'login-una', mandate_user: 'U-1', name: 'Una Canary' },
  'login-max': { sub: 'login-max', mandate_user: 'U-2', name: 'Max Canary' },
  'login-eve': { sub: 'login-eve', mandate_user: 'U-999', name: 'Eve Canary' },
};
for (const person of Object.values(people)) canaries.add(person.name).add(person.sub);

/** Who signs in next at the provider. */
let next = 'login-una';
let handler = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => handler(request, response));
// A connection that is kept is not closed under whoever is about to use it.
server.keepAliveTimeout = 0;
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

function provide(base, kind, kid) {
  const options = kind === 'rsa' ? { modulusLength: 2048 } : { namedCurve: 'P-256' };
  const alg = kind === 'rsa' ? 'RS256' : 'ES256';
  const key = { ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'mandate',
        client_secret: secret,
        redirect_uris: [`${base}/sign-in/callback`],
        post_logout_redirect_uris: [`${base}/`],
        id_token_signed_response_alg: alg,
      },
      {
        client_id: 'feed',
        client_secret: secret,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        id_token_signed_response_alg: alg,
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: [randomUUID()] },
    claims: { openid: ['sub', 'mandate_user', 'name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => people[id] }),
    extraTokenClaims: (_, token) =>
      token.kind === 'ClientCredentials' ? { authorities: ['ROLE_MANDATE__FACTS'] } : undefined,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'api',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg } },
        }),
      },
    },
    async loadExistingGrant(context) {
      const { client, session } = context.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  const provided = provider.callback();
  handler = (request, response) =>
    request.url.startsWith('/interaction/')
      ? provider.interactionFinished(request, response, { login: { accountId: next } })
      : provided(request, response);
}

/** What a browser keeps, for each server. */
class Browser {
  cookies = new Map();

  async ask(address, options = {}) {
    const at = new URL(address);
    const jar = this.cookies.get(at.host) ?? new Map();
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...options.headers, ...(cookie && { cookie }) };
    const answer = await fetch(at, { ...options, headers, redirect: 'manual' });
    for (const set of answer.headers.getSetCookie()) {
      const [pair, ...rest] = set.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(name.length + 1);
      const gone = rest.some((part) => /max-age=0|expires=thu, 01 jan 1970/i.test(part));
      if (gone || !value) jar.delete(name);
      else jar.set(name, value);
      if (value.length > 16) canaries.add(value);
    }
    this.cookies.set(at.host, jar);
    const text = await answer.text();
    const to = answer.headers.get('location');
    return { status: answer.status, text, to: to && new URL(to, at).href };
  }

  /** Follows where it is led; every address on the way, the last answer last. */
  async follow(address) {
    const way = [];
    for (let to = address; to && way.length < 20; ) {
      const answer = await this.ask(to);
      way.push({ address: to, ...answer });
      to = answer.to;
    }
    return way;
  }
}

function mandate(...more) {
  const ended = spawnSync(program, more, { cwd: folder, encoding: 'utf8' });
  assert.equal(ended.status, 0, ended.stderr);
}

async function until(what, holds) {
  for (let tries = 0; tries < 120; tries += 1) {
    const found = await holds();
    if (found) return found;
    await pause(500);
  }
  throw new Error(`${what}: not within a minute`);
}

let said = '';
let running;
let failed = false;
try {
  mandate('init', 'log', '--empty');
  writeFileSync(join(folder, 'secret'), `${secret}\n`, { mode: 0o600 });
  writeFileSync(
    join(folder, 'mandate.toml'),
    `data_dir = "log"\nlisten = "127.0.0.1:0"\n[sign_in]\nissuer = "${issuer}"\nclient_id = "mandate"\n` +
      `client_secret_file = "secret"\naudience = "${AUDIENCE}"\n[[sign_in.client]]\nid = "feed"\nsources = ["/t"]\n`,
  );
  running = spawn(program, ['serve', '--config', 'mandate.toml'], {
    cwd: folder,
    env: { ...process.env, RUST_LOG: 'debug' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.stderr.on('data', (bytes) => (said += bytes));
  const base = await until('the program says where it is', () => {
    assert.equal(running.exitCode, null, said);
    return said.match(/Mandate at (http:\/\/127\.0\.0\.1:\d+)/)?.[1];
  });
  provide(base, 'rsa', 'first');

  // A machine states who is who, with an access token of the provider.
  const basic = `Basic ${Buffer.from(`feed:${secret}`).toString('base64')}`;
  const token = async () => {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' },
      body: `grant_type=client_credentials&resource=urn:mandate&scope=api`,
    });
    const { access_token: own } = await answer.json();
    assert.match(own ?? '', /^[^.]+\.[^.]+\.[^.]+$/, 'the provider gives a signed access token');
    canaries.add(own);
    return own;
  };
  let number = 0;
  const tell = async (feed, subject, type, data) => {
    number += 1;
    const fact = { specversion: '1.0', id: `${number}`, source: '/t', type, subject, time: '2026-03-02T09:00:00Z', data };
    const answer = await fetch(`${base}/v1/facts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${feed}`, 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(fact),
    });
    assert.equal(answer.status, 202, `${type}: ${await answer.text()}`);
  };
  const feed = await token();
  for (const [user, role] of [['user/U-1', 'cpc'], ['user/U-2', 'practitioner']]) {
    await tell(feed, user, 'user.registered', { org: 'area/A1', role, service: 'probation' });
    await tell(feed, user, 'vetting.cleared', { level: 3, expires_on: '2099-12-31' });
    await tell(feed, user, 'document.signed', { document: 'syops', version: '1' });
    await tell(feed, user, 'training.completed', { course: 'visor', provider: 'hmpps' });
    await tell(feed, user, 'account.enabled', {});
  }
  await tell(feed, 'area/A1', 'post.filled', { post: 'cpc', user: 'user/U-1' });

  // A person signs in and is where they wanted to be.
  const una = new Browser();
  assert.equal((await una.ask(`${base}/duties`)).to, `${base}/sign-in?next=/duties`);
  const way = await una.follow(`${base}/sign-in/issuer?next=/duties`);
  const last = way.at(-1);
  assert.equal(last.status, 200, last.text);
  assert.equal(last.address, `${base}/duties`);
  assert.ok(last.text.includes('Una Canary') && last.text.includes('CPC, area/A1'), 'the page says who they are');
  const callback = way.map((step) => step.address).find((address) => address.includes('/sign-in/callback'));
  for (const value of new URL(callback).searchParams.values()) if (value !== issuer) canaries.add(value);
  for (const value of new URL(way[1].address).searchParams.values()) if (value.length > 16 && !value.includes('/')) canaries.add(value);
  assert.equal((await una.ask(callback)).status, 403, 'a code that is replayed signs nobody in');
  assert.equal((await new Browser().ask(callback)).status, 403, 'nor does it from another browser');

  // Somebody whom the log does not know.
  next = 'login-eve';
  const eve = new Browser();
  const refused = (await eve.follow(`${base}/sign-in/issuer`)).at(-1);
  assert.equal(refused.status, 403, refused.text);
  assert.equal((await eve.ask(`${base}/v1/duties`)).status, 401);

  // The provider changes its key, to one of another kind.
  provide(base, 'ec', 'second');
  next = 'login-max';
  const max = new Browser();
  await until('somebody signs in under the new key', async () => {
    const end = (await max.follow(`${base}/sign-in/issuer`)).at(-1);
    return end.status === 200 && end.text.includes('Max Canary');
  });
  const still = await token();

  // The provider is gone: who is signed in goes on, and so does a token in force.
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.equal((await una.ask(`${base}/duties`)).status, 200, 'a session goes on');
  await assert.rejects(new Browser().follow(`${base}/sign-in/issuer`), 'nobody else comes in');
  await tell(still, 'user/U-2', 'vetting.withdrawn', {});
  assert.equal((await max.ask(`${base}/duties`)).status, 403, 'access ends at the next request');
  assert.equal((await max.ask(`${base}/v1/duties`)).status, 403);

  // Signing out ends the session here, and the page leads to the provider.
  const page = await una.ask(`${base}/duties`);
  const form = page.text.match(/name="token" value="([^"]+)"/)[1];
  canaries.add(form);
  const out = await una.ask(`${base}/sign-out`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: base },
    body: `token=${form}`,
  });
  assert.equal(out.to, `${base}/sign-in?signed-out=1`);
  assert.ok((await una.ask(out.to)).text.includes(`${issuer}/session/end?client_id=mandate`));
  assert.equal((await una.ask(`${base}/v1/duties`)).status, 401);

  const told = [...canaries].filter((canary) => said.includes(canary));
  assert.deepEqual(told, [], 'the log of the program holds nothing of people, tokens, codes or sessions');
  assert.ok(said.includes('signed in') && canaries.size > 15, 'the log was looked at');
  console.log(`walked through; ${canaries.size} canaries, none in the log of the program`);
} catch (error) {
  failed = true;
  console.error(error);
  console.error(`\nthe program said:\n${said.split('\n').slice(-60).join('\n')}`);
} finally {
  if (running?.exitCode === null) {
    running.kill();
    await once(running, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
