// A certified OpenID provider (the npm package oidc-provider) for the conformance tests of crates/iam: a
// provider that is not INDIGO, without SCIM, with opaque access tokens, rotating refresh tokens, introspection
// and the device flow.
//
//   node provider.mjs PORT PEOPLE.json      PORT 0: any that is free
//
// PEOPLE.json: {"ada": {"name": "Ada Lovelace", "groups": ["lsst/dr1"]}, …}. It is read again at each request,
// so that a test can change a membership, or remove somebody, while all is running. The sub is the name. Any
// password does. The first line on standard output is the issuer.
//
// The client is `skykey`, its secret is CLIENT_SECRET, its redirect URI is REDIRECT_URI. With HUB_SECRET and
// HUB_REDIRECT_URI there is another, `jupyterhub`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, file] = process.argv.slice(2);
const { CLIENT_SECRET: secret, REDIRECT_URI: redirect, HUB_SECRET, HUB_REDIRECT_URI } = process.env;
if (!port || !file || !secret || !redirect) {
  console.error('usage: CLIENT_SECRET=… REDIRECT_URI=… node provider.mjs PORT PEOPLE.json');
  process.exit(2);
}

function person(id) {
  const people = JSON.parse(readFileSync(file, 'utf8'));
  return Object.hasOwn(people, id) ? people[id] : undefined;
}

async function findAccount(_context, id) {
  if (!person(id)) return undefined;
  return {
    accountId: id,
    async claims() {
      const { name = id, groups = [] } = person(id) ?? {};
      return { sub: id, name, preferred_username: id, groups };
    },
  };
}

const server = createServer();
server.listen(Number(port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'skykey',
      client_secret: secret,
      redirect_uris: [redirect],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    }, ...(HUB_SECRET && HUB_REDIRECT_URI ? [{
      client_id: 'jupyterhub',
      client_secret: HUB_SECRET,
      redirect_uris: [HUB_REDIRECT_URI],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
    }] : [])],
    scopes: ['openid', 'offline_access', 'profile', 'groups'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    conformIdTokenClaims: false,
    features: {
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
    cookies: { keys: [secret] },
    ttl: {
      AccessToken: 3600, DeviceCode: 600, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400,
      Session: 86400,
    },
    findAccount,
  });
  provider.on('server_error', (_context, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(issuer);
});

// Whoever started it is gone.
process.stdin.on('end', () => process.exit(0)).resume();
