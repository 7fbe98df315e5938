import type { PublicJwk } from "../register/participant.ts";
import { failed, notRun, passed, type Finding, type Look, type Probe } from "./probing.ts";
import { shellWord } from "./shell-word.ts";

const WELL_KNOWN = "/.well-known/openid-federation";
const CHALLENGE_PATH = "/.well-known/relais-challenge";
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "k"];

const hostOf = (url: string): string => new URL(url).hostname;
const originOf = (url: string): string => new URL(url).origin;

/** What every participant shows of itself. */
export const ENTITY_PROBES: Probe[] = [
  {
    name: "domain.control",
    title: { fr: "Contrôle du nom de domaine", en: "Control of the domain name" },
    reproduce: ({ participant: { entityId } }) =>
      `curl -s ${shellWord(entityId + CHALLENGE_PATH)}\ndig +short TXT ${shellWord(`_relais-challenge.${hostOf(entityId)}`)}`,
    run: findChallenge,
  },
  {
    name: "entity.configuration",
    title: { fr: "Description publiée et signée", en: "Published and signed description" },
    reproduce: ({ participant: { entityId } }) => `curl -si ${shellWord(entityId + WELL_KNOWN)}`,
    run: async ({ entityConfigurations, participant }) => {
      await entityConfigurations.fetch(participant.entityId);
      return passed(
        "La description est publiée et signée avec sa propre clé.",
        "The description is published and signed with its own key.",
      );
    },
  },
  {
    name: "entity.keys",
    title: { fr: "Clés publiées utilisables", en: "Usable published keys" },
    reproduce: ({ participant: { entityId } }) =>
      `curl -s ${shellWord(entityId + WELL_KNOWN)} | cut -d. -f2 | tr _- /+ | base64 -di 2>/dev/null | grep -o '"jwks".*'`,
    run: async ({ entityConfigurations, participant }) => {
      const { keys, metadata } = await entityConfigurations.fetch(participant.entityId);
      const client = (metadata["oauth_client"]?.["jwks"] as { keys?: PublicJwk[] } | undefined)?.keys ?? [];
      return judgeKeys([...keys, ...client]);
    },
  },
  {
    name: "tls.configuration",
    title: { fr: "Connexions chiffrées", en: "Encrypted connections" },
    reproduce: ({ participant: { entityId } }) =>
      `curl -sv --tlsv1.2 ${shellWord(entityId + WELL_KNOWN)} 2>&1 | grep -E 'SSL connection|expire date'`,
    run: inspectTls,
  },
  {
    name: "security.txt",
    title: { fr: "Contact de sécurité (security.txt)", en: "Security contact (security.txt)" },
    reproduce: ({ participant: { entityId } }) => `curl -si ${shellWord(`${originOf(entityId)}/.well-known/security.txt`)}`,
    run: readSecurityTxt,
  },
  {
    name: "pages.privacy",
    title: { fr: "Page de confidentialité", en: "Privacy page" },
    reproduce: ({ participant: { about } }) => `curl -si ${shellWord(about.policyUri ?? "<policy_uri>")} | head -5`,
    run: (look) => readPage(look, look.participant.about.policyUri, "policy_uri"),
  },
  {
    name: "pages.incidents",
    title: { fr: "Page des incidents", en: "Page of incidents" },
    reproduce: ({ participant: { about } }) => `curl -si ${shellWord(about.incidentsUri ?? "<incidents_uri>")} | head -5`,
    run: (look) => readPage(look, look.participant.about.incidentsUri, "incidents_uri"),
  },
];

async function findChallenge({ challenge, participant, txt, fetch }: Look): Promise<Finding> {
  if (challenge === null) return notRun("Aucune valeur à publier n’a été demandée.", "No value to be published was asked for.");
  const answer = await fetch({ method: "GET", url: `${participant.entityId}${CHALLENGE_PATH}` });
  const lines = answer.status === 200 ? (await answer.text()).split(/\r?\n/) : (await answer.drop(), []);
  if (lines.some((line) => line.trim() === challenge))
    return passed("La valeur est publiée à l’adresse convenue.", "The value is published at the agreed address.");
  const records = await txt(`_relais-challenge.${hostOf(participant.entityId)}`);
  if (records.includes(challenge)) return passed("La valeur est publiée dans le DNS.", "The value is published in the DNS.");
  return failed(
    "La valeur demandée n’est ni à l’adresse convenue ni dans le DNS. Publiez-la à l’une des deux.",
    "The value is neither at the agreed address nor in the DNS. Publish it at one of them.",
  );
}

function judgeKeys(keys: PublicJwk[]): Finding {
  const kids = keys.map(({ kid }) => kid);
  if (keys.length === 0) return failed("Aucune clé n’est publiée.", "No key is published.");
  if (keys.some((key) => PRIVATE_MEMBERS.some((member) => member in key)))
    return failed(
      "Une partie secrète d’une clé est publiée. Remplacez cette clé tout de suite.",
      "A secret part of a key is published. Replace that key at once.",
    );
  if (kids.includes(undefined)) return failed("Une clé n’a pas d’identifiant (kid).", "A key has no identifier (kid).");
  const signing = keys.filter((key) => key.use !== "enc" && (key.kty === "EC" || key.kty === "OKP" || key.kty === "RSA"));
  if (signing.length === 0) return failed("Aucune clé de signature utilisable.", "No usable signing key.");
  return passed(`${keys.length} clés publiées, sans partie secrète.`, `${keys.length} keys published, without a secret part.`);
}

const CERTIFICATE_DAYS = 7;
const GOOD_PROTOCOLS = ["TLSv1.2", "TLSv1.3"];

async function inspectTls({ tls, participant, clock }: Look): Promise<Finding> {
  const urls = [participant.entityId, ...Object.values(participant.endpoints)].filter((url): url is string => typeof url === "string");
  let isPlain = false;
  for (const origin of new Set(urls.map(originOf))) {
    const state = await tls(origin);
    if (state === null) isPlain = true;
    else if (!GOOD_PROTOCOLS.includes(state.protocol))
      return failed(`${origin} répond avec ${state.protocol}.`, `${origin} answers by ${state.protocol}.`);
    else if (state.validTo.getTime() - clock.now().getTime() < CERTIFICATE_DAYS * 86_400_000)
      return failed(
        `Le certificat de ${origin} finit dans moins de ${CERTIFICATE_DAYS} jours.`,
        `The certificate of ${origin} ends within ${CERTIFICATE_DAYS} days.`,
      );
  }
  if (isPlain) return passed("Sur cette machine seulement, sans réseau.", "On this machine only, without a network.");
  return passed("TLS 1.2 ou plus, certificats valables.", "TLS 1.2 or newer, valid certificates.");
}

/** RFC 9116: `Contact` and an `Expires` that is not past. */
async function readSecurityTxt({ participant, fetchOrigin, signal, clock }: Look): Promise<Finding> {
  const origin = originOf(participant.entityId);
  const answer = await fetchOrigin(origin, signal)({ method: "GET", url: `${origin}/.well-known/security.txt` });
  if (answer.status !== 200) {
    await answer.drop();
    return failed(`L’adresse /.well-known/security.txt répond ${answer.status}.`, `/.well-known/security.txt answers ${answer.status}.`);
  }
  const text = await answer.text();
  if (!/^Contact:\s*\S+/im.test(text))
    return failed("Le fichier ne donne pas de contact (Contact).", "The file names no contact (Contact).");
  const expires = /^Expires:\s*(\S+)/im.exec(text)?.[1];
  if (expires === undefined || !(Date.parse(expires) > clock.now().getTime()))
    return failed("La date de fin (Expires) manque ou est passée.", "The end (Expires) is missing or past.");
  return passed("Un contact est donné, et le fichier est en cours.", "A contact is named, and the file is in force.");
}

async function readPage({ fetchOrigin, signal }: Look, url: string | undefined, member: string): Promise<Finding> {
  if (url === undefined)
    return failed(`La description ne donne pas d’adresse (${member}).`, `The description names no address (${member}).`);
  const answer = await fetchOrigin(originOf(url), signal)({ method: "GET", url, headers: { accept: "text/html" } });
  await answer.drop();
  if (answer.status !== 200) return failed(`La page répond ${answer.status}.`, `The page answers ${answer.status}.`);
  if (!/^text\/html\b/i.test(answer.headers["content-type"] ?? ""))
    return failed("L’adresse ne donne pas une page.", "The address gives no page.");
  return passed("La page est publiée.", "The page is published.");
}
