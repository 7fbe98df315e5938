import express from "express";
import { type Consented, consentRules } from "../../src/sdk/require-consent.ts";
import { entityConfiguration, settings } from "../entity.ts";
import { countsOf, DATASETS, pageOf } from "../water-readings.ts";

/** A holder that asks Relais about each request: a withdrawal is felt with the next one. */

const own = await settings();
const requireConsent = consentRules({ issuer: own.relais, entityId: own.entityId, key: own.clientKey });
const consentOf = (response: express.Response) => response.locals["consent"] as Consented;

const app = express();
app.get("/.well-known/openid-federation", async (_request, response) => {
  const holder = {
    export_endpoint: `${own.entityId}/export`,
    country: "FR",
    privacy_contact: "dpo@example.org",
    synthetic: true,
    datasets: DATASETS,
  };
  const statement = await entityConfiguration(own, { name: "Eaux de la Vallée", self_data_holder: holder });
  response.type("application/entity-statement+jwt").send(statement);
});
app.get("/export/datasets", requireConsent(), (_request, response) => {
  const { datasets, account } = consentOf(response);
  response.json(countsOf(datasets, account));
});
app.get("/export/datasets/:dataset", requireConsent({ dataset: ({ dataset }) => String(dataset) }), (request, response) => {
  response.json(pageOf(String(request.params.dataset), consentOf(response).account));
});
app.listen(own.port, "127.0.0.1", () => console.log(`holder ready at ${own.entityId}`));
