-- What a person reads beside the facts of a request. A version has a text in each language that it can be consented in; none ever changes.
create table notice_texts (
  version integer not null check (version > 0),
  language text not null check (language in ('fr', 'en')),
  sections jsonb not null,
  hash text not null,
  published_at timestamptz not null,
  published_by text not null,
  primary key (version, language)
);

create function refuse_changed_text() returns trigger language plpgsql as $$
begin
  raise exception 'a published text never changes' using errcode = 'RE002';
end $$;
create trigger notice_texts_stay before update or delete on notice_texts for each row execute function refuse_changed_text();

-- The first version, so that nobody starts without one. The operator's office publishes the next.
insert into notice_texts (version, language, sections, hash, published_at, published_by) values
  (1, 'fr', jsonb_build_object(
    'whoAsks', 'Chaque nom mène au registre public. Vous y voyez qui l’a agréé, à quel niveau et depuis quand. Relais transmet la demande, et ne répond jamais à votre place.',
    'whatFor', 'Vos données servent à ce but, et à aucun autre. Un autre but demande une autre autorisation.',
    'atStake', 'Une copie de vos données part chez {destination}. Certaines racontent votre vie, par exemple vos heures de présence chez vous. Cochez seulement ce que vous voulez y mettre.',
    'ifRefuse', 'Rien n’est envoyé, et rien ne change chez {source}. Vous n’avez pas à dire pourquoi. Votre refus est gardé : une nouvelle demande le rappellera.',
    'howToStop', 'Ouvrez « Autorisations », puis « Arrêter le partage ». C’est possible à tout moment, sans raison. Ce que {destination} a déjà reçu y reste : vous pouvez l’y supprimer, ou le demander.',
    'rights', 'Vous pouvez voir, corriger ou supprimer vos données. Vous pouvez en limiter l’usage, vous y opposer, ou les reprendre. Écrivez au contact de chacun, ci-dessous. Vous pouvez aussi porter plainte auprès de la CNIL. C’est l’autorité qui protège les données en France.',
    'mandate', 'Je charge Relais de demander pour moi à {source} les données cochées, et de les remettre à {destination}. Ce mandat vaut pour cela seulement, jusqu’au {expires}.',
    'consent', 'J’accepte que {destination} reçoive et garde les données cochées. Le but est celui-ci : « {purpose} ».',
    'mandateErase', 'Je charge Relais de demander pour moi à {source} de supprimer les données cochées. Ce mandat vaut pour cela seulement, jusqu’au {expires}.'
  ), 'C-UVH-T-ZihxjXooytk55MV1iItG05UsE3u1xhCHpGo', now(), 'Relais'),
  (1, 'en', jsonb_build_object(
    'whoAsks', 'Each name leads to the public register. There you see who accredited it, at which level and since when. Relais passes the request on, and never answers in your place.',
    'whatFor', 'Your data is used for this purpose, and for no other. Another purpose needs another permission.',
    'atStake', 'A copy of your data goes to {destination}. Some of it tells about your life, such as the hours when you are at home. Tick only what you want to put there.',
    'ifRefuse', 'Nothing is sent, and nothing changes at {source}. You do not have to say why. Your refusal is kept: a new request will remind you of it.',
    'howToStop', 'Open “Permissions”, then “Stop sharing”. You can do it at any time, without a reason. What {destination} has already received stays there: you can delete it there, or ask for that.',
    'rights', 'You can see, correct or delete your data. You can limit its use, object to it, or take it with you. Write to the contact of each of them, below. You can also complain to the CNIL. It is the authority that protects data in France.',
    'mandate', 'I ask Relais to request the ticked data from {source} for me, and to hand it over to {destination}. This mandate is for that alone, until {expires}.',
    'consent', 'I agree that {destination} receives and keeps the ticked data. The purpose is this one: “{purpose}”.',
    'mandateErase', 'I ask Relais to request for me that {source} deletes the ticked data. This mandate is for that alone, until {expires}.'
  ), 'C9-sLJuWyU4EFnqTKtrAmJ9Yk342Y2T2Bb_m6Jeih_8', now(), 'Relais');
