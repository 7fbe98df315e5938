import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { testKey, type TestKey } from "./register-fixtures.ts";

/** An entity that publishes what a test says, over real HTTP. */
export interface PublishingEntity extends AsyncDisposable {
  entityId: string;
  key: TestKey;
  /** Answers with this from now on. */
  serve(listener: RequestListener): void;
  /** Publishes these claims beside the usual ones, signed by its key or another one. */
  publish(claims?: object, signer?: TestKey): void;
  /** The metadata of a platform, with these members changed. */
  platform(changed?: { organisation?: object; client?: object; platform?: object }): object;
}

const TYPE = "application/entity-statement+jwt";

export async function publishingEntity(now: () => Date = () => new Date()): Promise<PublishingEntity> {
  const key = await testKey();
  let answer: RequestListener = (_request, response) => void response.writeHead(404).end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const platform: PublishingEntity["platform"] = ({ organisation = {}, client = {}, platform: own = {} } = {}) => ({
    federation_entity: { organization_name: "Nouveau", contacts: ["dpo@nouveau.example"], ...organisation },
    oauth_client: { jwks: { keys: [key.publicJwk] }, ...client },
    self_data_platform: { inbox_endpoint: `${entityId}/inbox`, country: "FR", ...own },
  });
  return {
    entityId,
    key,
    platform,
    serve: (listener) => void (answer = listener),
    publish: (claims = {}, signer = key) => {
      const iat = Math.floor(now().getTime() / 1000);
      const all = { iss: entityId, sub: entityId, iat, exp: iat + 7200, jwks: { keys: [key.publicJwk] }, metadata: platform(), ...claims };
      answer = (_request, response) =>
        void signer.sign("entity-statement+jwt", all).then((jwt) => response.writeHead(200, { "content-type": TYPE }).end(jwt));
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
