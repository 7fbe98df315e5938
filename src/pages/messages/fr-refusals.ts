/**
 * The commonest refusals of the register in French. The core says each in one English sentence, which is its name here; `{…}` stands for what
 * differs from one time to another, and may be left out where the page shows it in its own words. A sentence that is not here is printed as it is.
 */
export const FR_REFUSALS: [said: string, text: string][] = [
  [
    "The application is not complete. Still due: {criteria}. Its requirements say what each of them needs.",
    "la demande n’est pas complète. La page de votre demande dit, sous « À fournir maintenant », ce que chaque point demande.",
  ],
  [
    "The application is {state}: it can be changed while it is {states}. Wait for the result, or withdraw it.",
    "la demande est envoyée et ne se modifie plus. Attendez le résultat, ou retirez-la.",
  ],
  ["The application is {state}: there is nothing to withdraw.", "il n’y a plus de demande à retirer."],
  [
    "The application is {state} in round {round}: it changed since you read it. Read it again.",
    "la demande a changé depuis votre lecture. Lisez-la de nouveau.",
  ],
  ["The application moved on meanwhile. Look at it again.", "la demande a changé entre-temps. Lisez-la de nouveau."],
  [
    "There is no application yet. Begin one on the page of your organisation.",
    "il n’y a pas encore de demande. Commencez-en une sur la page de votre organisme.",
  ],
  [
    "Another application of this participant is open. Go on with that one.",
    "une autre demande de ce participant est ouverte. Continuez celle-là.",
  ],
  [
    "Version {new} of the charter is in force now, instead of {old} ({differences}). Your answers and evidence were kept: answer what is new, sign it and submit again.",
    "la version {new} de la charte est maintenant en vigueur, à la place de {old}. Vos réponses et vos justificatifs sont gardés : répondez à ce qui est nouveau, signez-la et envoyez de nouveau.",
  ],
  [
    "This is not the text of version {version}. Read the charter again, and sign what you read.",
    "ce n’est pas le texte de la version {version}. Lisez la charte de nouveau, et signez ce que vous avez lu.",
  ],
  ["Choose a file.", "choisissez un fichier."],
  ["Say who issued the document, and its date.", "dites qui a établi le document, et sa date."],
  [
    "A piece of evidence is at most {size} MiB.",
    "un justificatif fait {size} Mio au plus. Réduisez le fichier, ou partagez-le en plusieurs.",
  ],
  [
    "Evidence is a PDF, PNG or JPEG file. Save it as one of these.",
    "un justificatif est un fichier PDF, PNG ou JPEG. Enregistrez-le sous l’un de ces formats.",
  ],
  ["An application holds at most {count} files.", "une demande contient {count} fichiers au plus. Retirez-en un d’abord."],
  [
    "The criterion does not ask for this certificate. Hand it in by itself: relais platform certificate.",
    "le critère ne demande pas ce certificat. Remettez-le à part, sur la page « Certificats ».",
  ],
  ["A message has 1 to {count} characters.", "écrivez un message de {count} caractères au plus."],
  [
    "This invitation is over or was used. Ask your organisation for a new one.",
    "cette invitation est terminée ou a déjà servi. Demandez-en une nouvelle à votre organisme.",
  ],
  [
    "Declare that you have no conflict of interest with this applicant, or leave it to another accreditor.",
    "déclarez que vous n’avez pas de conflit d’intérêts avec ce participant, ou laissez la demande à une autre personne chargée de l’agrément.",
  ],
  [
    "You act for this participant: another accreditor has to decide.",
    "vous agissez pour ce participant : une autre personne chargée de l’agrément doit décider.",
  ],
  [
    "Two accreditors did not find all criteria met: {criteria}. Ask for changes, or find them met.",
    "deux personnes n’ont pas constaté que tous les critères sont remplis. Demandez des changements, ou constatez qu’ils sont remplis.",
  ],
  [
    'No criterion asks for "{kind}". It asks for: {kinds}.',
    "aucun critère ne demande ce document. Choisissez ce qu’il montre dans la liste.",
  ],
  [
    '{name} is {status}; in this standing "{kind}" is not possible. Look at its present standing first.',
    "ce n’est pas possible dans le statut actuel de {name}. Regardez d’abord ce statut.",
  ],
  [
    '{name} is {status}; "{kind}" is not possible now.',
    "ce n’est pas possible dans le statut actuel de {name}. Regardez d’abord ce statut.",
  ],
  [
    "No application of this participant was refused or revoked.",
    "aucune demande de ce participant n’a été refusée ni révoquée : il n’y a pas de recours à accepter.",
  ],
  [
    "The entity publishes other keys than those that you confirm. Look at them again.",
    "le participant publie d’autres clés que celles que vous confirmez. Regardez-les de nouveau.",
  ],
  ["Say in 1 to {count} characters what you ask for, and why.", "dites ce que vous demandez, et pourquoi, en {count} caractères au plus."],
  [
    "Be accredited first: until then no holder may open to you.",
    "obtenez d’abord l’agrément : d’ici là, aucun organisme ne peut s’ouvrir à vous.",
  ],
  [
    "{name} does not restrict you. What it asks of every platform is in /v1/participants/{id}/conditions.",
    "{name} ne vous restreint pas. Ce qu’il demande à tous les espaces est sur sa page du registre.",
  ],
  ["You asked this holder already. Wait for its answer.", "vous avez déjà demandé à cet organisme. Attendez sa réponse."],
  [
    "This holder answered less than {days} days ago. Read its answer, and ask again later.",
    "cet organisme a répondu il y a moins de {days} jours. Lisez sa réponse, et redemandez plus tard.",
  ],
  [
    "{count} holders have yet to answer you. Wait for one of them.",
    "{count} organismes ne vous ont pas encore répondu. Attendez la réponse de l’un d’eux.",
  ],
  [
    "This request was answered. Move the platform in your matrix instead.",
    "cette demande a déjà une réponse. Changez plutôt jusqu’où vous ouvrez à cet espace.",
  ],
  [
    "Name countries by their ISO 3166 code in capitals, or EU or EEA.",
    "écrivez les pays par leur code de deux lettres majuscules, comme FR, ou EU, ou EEA.",
  ],
  [
    "Give the reason in French and in English, each at most {count} characters. It is public.",
    "donnez la raison en français et en anglais, {count} caractères au plus chacune. Elle est publique.",
  ],
  [
    "Test accounts are named for the state test alone, at most {count}.",
    "les comptes d’essai ne se nomment que pour l’état « Comptes d’essai seulement », {count} au plus.",
  ],
  ["This platform is not excluded from this data set.", "cet espace n’est pas exclu de ce jeu de données."],
  ["There is no condition for this data set.", "il n’y a pas de condition pour ce jeu de données."],
  ["There is nothing at this address for you.", "il n’y a rien pour vous à cette adresse."],
  ["There is no such participant among those that you act for.", "ce participant n’est pas de ceux pour qui vous agissez."],
  [
    "Nothing would change. Choose other data sets, another date or another rhythm.",
    "rien ne changerait. Choisissez d’autres données, une autre date ou un autre rythme.",
  ],
  ["This permission has already ended.", "cette autorisation est déjà terminée."],
  [
    "The permission that this would change has ended. A new one can be asked for.",
    "l’autorisation à changer est terminée. Une nouvelle peut être demandée.",
  ],
  ["The notice changed while you read it. Please read it again.", "la demande a changé pendant votre lecture. Relisez-la."],
  [
    "This request was answered before. You find it among your permissions.",
    "cette demande a déjà sa réponse. Vous la trouvez dans vos autorisations.",
  ],
  ["The time to answer this request is over.", "le temps pour répondre à cette demande est écoulé."],
  ["Nothing is left to stop here.", "il n’y a plus rien à arrêter ici."],
  [
    "Several reports about this permission wait for an answer. They are read in their order.",
    "plusieurs signalements sur cette autorisation attendent une réponse. Ils sont lus dans l’ordre.",
  ],
  [
    "Another version was published meanwhile. Read it, and begin from it.",
    "une autre version a été publiée entre-temps. Lisez-la, et partez d’elle.",
  ],
  ["This report was answered before.", "ce signalement a déjà sa réponse."],
  [
    "This link is too old, or was used before. Sign in to go on, or ask for a new mail there.",
    "ce lien est trop ancien, ou a déjà servi. Identifiez-vous pour continuer, ou pour demander un nouveau courriel.",
  ],
  [
    "You signed in as somebody else than before. Sign in again as the person whose account is open here, or sign out first.",
    "c’était le compte de quelqu’un d’autre. Identifiez-vous comme la personne dont le compte est ouvert ici, ou quittez d’abord ce compte.",
  ],
  [
    "Many accounts were opened from your network in the last hour. Try again in an hour, or from another connection.",
    "beaucoup de comptes viennent d’être ouverts depuis votre réseau. Réessayez dans une heure, ou depuis une autre connexion.",
  ],
  [
    "Many people open an account at the moment. Try again in an hour.",
    "beaucoup de personnes ouvrent un compte en ce moment. Réessayez dans une heure.",
  ],
  ["This was asked for too often. Wait until tomorrow.", "cela a été demandé trop souvent. Attendez demain."],
  ["No mail address is in use for you.", "aucune adresse de courriel n’est utilisée pour vous."],
  [
    "This Relais sends no mail. Its operator has to name a mail server first.",
    "ce Relais n’envoie pas de courriel. Son opérateur doit d’abord indiquer un serveur.",
  ],
];
