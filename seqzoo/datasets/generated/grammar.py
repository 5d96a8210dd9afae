"""A small English grammar whose sentences come with gold part-of-speech and entity tags.

The sentences are made up; the tags are Universal POS and BIO over PER, ORG, LOC and MISC. The type of a name is
mostly decided by what follows it ("Ashford , who was born", "Ashford shares", "Ashford , a town in") or by the verb
("met Ashford", "visited Ashford"): firms, people, towns, teams and films share their spellings. The names of `valid`
and `test` are mostly new, see `name_pools`.

The notation of `GRAMMAR`, the only part to edit:

    S: 5 NP VP | + S , and S   a rule and its alternatives; the first is 5 times as likely as one without a number,
                               "+" is recursive and not used at depth; a line may continue indented
    JOB/n = baker poet         a rule of single words, here nouns; JOB/v would make verbs of them
    told/v can/x up/ADP        words with their tag; n v a r x mean NOUN VERB ADJ ADV AUX
    the Bank , 42              words of `CLOSED_WORDS` need no tag, nor do Capitals (PROPN), marks (PUNCT), digits (NUM)
    [ORG Bank of PLACE ]       an entity; a bracket inside another one is not tagged, as in flat CoNLL style
    @surname                   a word from that pool of `name_pools`

Afterwards "a" becomes "an" where needed, a comma before another punctuation mark is dropped, and the first word is
capitalized. Each sentence has one correct reading: an ambiguous one (a bare "He mentioned Ashford .") is never
generated.
"""

import functools
import random
import re
from collections.abc import Iterable, Iterator

from seqzoo.datasets import DATASETS
from seqzoo.datasets.splits import generated, split_by_key

CLOSED_WORDS = """
DET: the a an every some any these another both all each
ADP: of in at by with for from on during under near against between across into about off along behind without
PRON: he she it they we you him them his its her their who which what everyone nobody something
CCONJ: and or but &
SCONJ: because although while when if whether
AUX: is was were are be been has would will must should could does may might am
NUM: one two three four five six seven ten million billion
ADV: not never often now here again soon almost only why where how together later twice too
SYM: $ %
"""

GRAMMAR = """
TEXT: 22 S . | 2 " S , " SAID . | " S , " SAID . " S . " | 9 PLAIN . | S ; S . | 2 RESULT | 2 QUESTION ? | 3 ORDER . |
    [LOC LOCNAME ] , MONTH @day - S . | NOTE | HEADLINE
S: 6 PERCL | 5 ORGCL | 4 LOCCL | 3 TEAMCL | 3 WORKCL | 3 PAIRCL | 3 BARECL | 7 SHORTCL | 12 PLAIN | MISCCL |
    3+ LEAD , S | + SUBORDINATE S , S | 2+ S , CONJ S | 2+ PERSON said/v that/SCONJ S | + S , because S
PERCL: 9 [PER SURNAME ] PERVP | 2 [PER GIVEN ] PERVP | 2 PERSON PERVP | 2 [PER SURNAME ] , PERAPP , PERVP |
    [PER SURNAME ] 's/PART KIN/n PERVP | [PER SURNAME ] 's/PART KIN/n , PERSON , PERVP |
    [PER SURNAME ] 's/x been/x told/v to/PART rest/v | TITLE [PER SURNAME ] PERVP |
    the HEAD/n of [ORG ORGNAME ] PERVP | the [PER SURNAME ] SIBLINGS were ADJ students/n
PERVP: 20 PERV | 2 , ASIDE , PERV | 2 SOON/r PERV | 3+ , who PERV , PERVP
PERV: 3 told/v reporters/n that/SCONJ HE would TOIL/v harder/r | 3 said/v HE would VDO THE |
    2 said/v HE had/x DONE THE | 2 was born/v in PLACE | was born/v on MONTH @day , @year |
    2 married/v PERSON in @year | 2 won/v the election/n by @big votes/n | won/v the race/n on HIS bicycle/n |
    lost/v HIS KIN/n in a fire/n | lost/v HIS seat/n in parliament/n | grew/v up/ADP in PLACE |
    opened/v HIS own/a shop/n in PLACE | 2 wrote/v WORK in @year | was arrested/v in PLACE on WEEKDAY |
    died/v at the age/n of @age | 2 resigned/v as/ADP chairman/n of FIRM | 2 joined/v FIRM as/ADP a JOB |
    left/v HIS job/n at FIRM | left/v for PLACE on WEEKDAY with HIS KIN/n |
    rose/v from HIS seat/n and thanked/v PERSON | fell/v off HIS bicycle/n near PLACE |
    2 beat/v [PER SURNAME ] SET , SET in the final/n of the EVENT | speaks/v LANG and LANG |
    2 is a JOB and lives/v in PLACE | was taken/v to/ADP hospital/n in PLACE | has/v two KINS |
    ran/v the EVENT in two hours/n | can/x sing/v well/r in LANG | sold/v HIS house/n in PLACE |
    cut/v HIS hand/n on a can/n | opened/v the door/n for the JOB | + said/v that/SCONJ S
PERAPP: 4 a JOB from PLACE | 2 a DEM JOB | 2 @age | HIS KIN/n | the author/n of WORK | 2+ who PERV |
    + whose/PRON KIN/n PERV
ORGCL: 9 [ORG ORGNAME ] ORGVP | 2 FIRM ORGVP | 2 [ORG ORGNAME ] , ORGAPP , ORGVP |
    2 [ORG ORGNAME ] 's/PART chief/a executive/n , PERSON , PERVP |
    2 [ORG ORGNAME ] chief/a executive/n PERSON PERVP | [ORG Bank of @country ] governor/n PERSON PERVP |
    the [ORG ORGNAME ] board/n met/v in PLACE on WEEKDAY | shares/n in [ORG ORGNAME ] MOVED
ORGVP: 20 ORGV | 2 , ASIDE , ORGV | 2 SOON/r ORGV | 3 shares/n MOVED | 2 's/PART shares/n MOVED |
    GOODS were recalled/v on WEEKDAY | 2+ , which ORGV , ORGVP
ORGV: 3 said/v it would VDO ITS | 3 said/v it had/x DONE ITS | 2 hired/v @small workers/n for its GOOD business/n |
    2 was taken/v over/ADP by FIRM for MONEY | opened/v its first/a plant/n in PLACE |
    grew/v its sales/n by @decimal percent/n | 2 lost/v MONEY in the QUARTER quarter/n |
    2 won/v a contract/n to/PART build/v GOODS for the DEM government/n |
    2 rose/v @decimal percent/n to/PART close/v at $ @small | 2 fell/v @decimal percent/n in early/a trading/n |
    is a GOOD maker/n based/v in PLACE | employs/v @big people/n in PLACE | cut/v @small jobs/n at its PLANT |
    was founded/v as/ADP a GOOD maker/n by PERSON | sold/v its PLANT to/ADP FIRM | left/v its dividend/n unchanged/a |
    ran/v its PLANT at a loss/n
ORGAPP: 3 a GOOD maker/n | 2 the DEM GOOD group/n | a unit/n of FIRM | once/r a part/n of FIRM | 2+ which ORGV
LOCCL: 9 [LOC LOCNAME ] LOCVP | 2 [LOC LOCNAME ] , LOCAPP , LOCVP | 2 [LOC @country ] COUNTRYVP |
    the TOWN/n of [LOC LOCNAME ] LOCVP | the [LOC LOCNAME ] AREA/n had/v no/DET rain/n for @small days/n |
    [LOC LOCNAME ] residents/n feared/v a flood/n | the mayor/n of [LOC LOCNAME ] PERVP
LOCVP: 20 LOCV | 2 , ASIDE , LOCV | 2 SOON/r LOCV | 2 's/PART main/a square/n was closed/v on WEEKDAY |
    2 's/PART mayor/n , PERSON , PERVP | 's/PART streets/n were ADJ and ADJ | 's/x a TOWN/n near PLACE |
    2+ , where PERSON was born/v , LOCV | 2+ , which LOCV , LOCVP
LOCV: 2 lies/v on the river/n [LOC RIVER ] | 3 has/v a population/n of @big | 2 lost/v two bridges/n in the flood/n |
    grew/v by @decimal percent/n to/ADP @big inhabitants/n | 2 was founded/v by DEM monks/n in @year |
    was flooded/v in MONTH @year | was hit/v by a storm/n that/PRON killed/v @small people/n |
    is a TOWN/n in the north/n of [LOC @country ] | can/x be reached/v by train/n from PLACE |
    rises/v @small metres/n above/ADP the lake/n | became/v the capital/n of [LOC @country ] in @year |
    left/v [LOC @country ] and joined/v [LOC @country ] after/ADP the war/n |
    opened/v its streets/n to/ADP bicycles/n | fell/v to/ADP DEM troops/n in @year | runs/v along the coast/n
LOCAPP: 4 a TOWN/n in [LOC @country ] | 2 a DEM TOWN/n | @small kilometres/n from PLACE | 2+ which LOCV |
    + where PERSON PERVP
COUNTRYVP: 's/PART president/n , PERSON , PERVP | closed/v its border/n with [LOC @country ] |
    and [LOC @country ] signed/v the [MISC Treaty of LOCNAME ] | exports/v GOODS to/ADP [LOC @country ] |
    was a part/n of [LOC @country ] until/ADP @year
TEAMCL: 8 [ORG TEAM ] TEAMVP | 2 [ORG TEAM ] , TEAMAPP , TEAMVP | [ORG TEAM ] coach/n PERSON PERVP
TEAMVP: 20 TEAMV | 2 , ASIDE , TEAMV | 2 SOON/r TEAMV | 's/PART striker/n , PERSON , scored/v twice/r |
    fans/n ran/v onto/ADP the pitch/n
TEAMV: 4 beat/v [ORG TEAM ] SCORE MATCHWHERE | 3 lost/v SCORE to/ADP [ORG TEAM ] MATCHWHERE |
    2 drew/v SCORE with [ORG TEAM ] | won/v the cup/n on penalties/n | are top/a of the league/n |
    2 signed/v striker/n PERSON from [ORG TEAM ] for MONEY | sacked/v coach/n PERSON after/ADP the match/n |
    rose/v to/ADP second/a place/n in the league/n | fell/v to/ADP the second/a division/n |
    opened/v the season/n with a SCORE defeat/n
TEAMAPP: a football/n club/n from PLACE | the league/n champions/n | 2+ who TEAMV
MATCHWHERE: on WEEKDAY | at home/n | in the second/a round/n of the EVENT
WORKCL: 4 [MISC BAREWORK ] WORKVP | 3 WORK WORKVP | 2 [MISC BAREWORK ] , WORKAPP , WORKVP |
    the FILM/n [MISC BAREWORK ] WORKVP | the [MISC BAREWORK ] trilogy/n sold/v @big copies/n
WORKVP: 20 WORKV | 2 , ASIDE , WORKV | 2 SOON/r WORKV | 's/PART first/a chapter/n is ADJ
WORKV: 2 sold/v @big copies/n in LANG | 2 was written/v by PERSON in @year | opened/v in cinemas/n on WEEKDAY |
    won/v the prize/n for best/a film/n | ran/v for @small nights/n at the [ORG LOCNAME Theatre ] |
    was filmed/v in PLACE | 2 is a FILM/n about a JOB who PASTVP |
    lost/v its two main/a actors/n before/ADP filming/n | was translated/v into LANG by PERSON
WORKAPP: 3 a FILM/n by PERSON | directed/v by PERSON | the second/a novel/n by PERSON | + which WORKV
WORK: [MISC The TITLENOUN of LOCNAME ] | [MISC The SURNAME Affair ] | [MISC A/DET Winter in LOCNAME ] |
    [MISC Letters to/ADP SURNAME ] | [MISC The TITLENOUN and the TITLENOUN ]
BAREWORK: 2 SURNAME | 2 LOCNAME | ORGNAME | @first | @first and @first
PAIRCL: 2 [PER SURNAME ] and [PER SURNAME ] PERPAIR | 2 [ORG ORGNAME ] and [ORG ORGNAME ] ORGPAIR |
    2 [LOC LOCNAME ] and [LOC LOCNAME ] LOCPAIR | 2 [ORG TEAM ] and [ORG TEAM ] drew/v SCORE MATCHWHERE |
    4 [ORG SURNAME and SURNAME ] ONEFIRM | [ORG SURNAME , SURNAME and SURNAME ] ONEFIRM |
    [PER SURNAME ] , [PER SURNAME ] and [PER SURNAME ] PERTRIO |
    [LOC LOCNAME ] , [LOC LOCNAME ] and [LOC LOCNAME ] were flooded/v in MONTH
PERPAIR: were both/ADV born/v in PLACE | , both/DET of them JOBS , left/v their KINS in PLACE | are both/ADV JOBS |
    married/v in @year | told/v their KINS that/SCONJ S
PERTRIO: all/DET resigned/v on WEEKDAY | told/v reporters/n that/SCONJ they would resign/v | were born/v in PLACE
ORGPAIR: agreed/v to/PART merge/v in @year | shares/n both/ADV MOVED |
    , both/DET of them GOOD makers/n , agreed/v to/PART merge/v
LOCPAIR: are both/ADV TOWNS in the north/n of [LOC @country ] | lie/v @small kilometres/n apart/r |
    were both/ADV flooded/v in MONTH
ONEFIRM: , a law/n firm/n , ORGVP | 2 said/v it would VDO ITS | said/v it had/x DONE ITS |
    has/x hired/v @small lawyers/n for its office/n in PLACE | is a law/n firm/n based/v in PLACE
BARECL: 3 SOMEONE KNEW BARE | 2 BARE , KNOWN | it was BARE , that/PRON SOMEONE KNEW
BARE: 3 [PER SURNAME ] , PERAPP | 3 [ORG ORGNAME ] , ORGAPP | 3 [LOC LOCNAME ] , LOCAPP |
    2 [MISC BAREWORK ] , WORKAPP | 2 [ORG TEAM ] , TEAMAPP
KNEW/v = remembered loved mentioned knew left followed painted described visited hated praised
KNOWN: was not mentioned/v | was little/ADV known/v in PLACE | is loved/v by everyone in PLACE
SOMEONE: PERSON | the JOB | every JOB | nobody | 2 they | TITLE [PER SURNAME ]
SHORTCL: 9 DEED | 10 DEED in PLACE | 6 DEED WHEN | 2 TRIP | 2 TRIP WHEN | [PER LONE ] works/v for [ORG ORGNAME ] |
    2 [PER LONE ] works/v for [ORG ORGNAME ] in PLACE | 2 [ORG ORGNAME ] merged/v with [ORG ORGNAME ] WHEN |
    2 [LOC LOCNAME ] lies/v near [LOC LOCNAME ]
DEED: 18 WHO MET/v WHOM | WHO will MEET/v WHOM | [PER LONE ] was MET/v by WHOM | 3 [PER GIVEN ] hired/v [PER LONE ] |
    2 [ORG @firm ] hired/v [PER LONE ] | [PER LONE ] worked/v at [ORG ORGNAME ] |
    [PER LONE ] directed/v [MISC BAREWORK ]
TRIP: 2 WHO visited/v [LOC LOCNAME ] | WHO flew/v to/ADP [LOC LOCNAME ]
WHEN: 2 in MONTH | on WEEKDAY | in @year
WHO: 6 [PER LONE ] | PERSON | the JOB | they
WHOM: 6 [PER LONE ] | PERSON | 4 the HEAD/n of [ORG ORGNAME ] | the mayor/n of [LOC LOCNAME ] |
    the coach/n of [ORG TEAM ] | the author/n of [MISC BAREWORK ] | the KIN/n of [PER LONE ]
LONE: 3 SURNAME | 2 GIVEN | 2 WORDSURNAME | 2 FAMOUS
GIVEN: @first | 2 WORDNAME
MET/v = met met met met met met thanked phoned greeted interviewed invited
MEET/v = meet meet thank phone greet interview invite
HEAD = head head chairman owner
MISCCL: LANG is spoken/v by @big people/n in PLACE |
    2 [MISC @language ] , a language/n of [LOC @country ] , is still/ADV taught/v in PLACE |
    the @currency fell/v @decimal percent/n against the CURRENCY/n |
    the @currency and the CURRENCY/n rose/v on WEEKDAY | the [MISC @demonym ] won/v the EVENT in @year |
    the [MISC @demonym/a ] JOB won/v the EVENT in @year | [MISC @demonym/a ] GOODS are sold/v in PLACE |
    the [MISC Treaty of LOCNAME ] was signed/v in PLACE in @year | PERSON played/v in the EVENT for [LOC @country ]
PLAIN: 2 the JOB PASTVP | 2 the JOB @manner/r DONE THE | @manner/r , the JOB DONE the ADJ THING |
    the JOB DONE THE @manner/r | 2 the ADJ JOB PASTVP | JOBS in PLACE PASTVP |
    4 the GROUP NOUNVERBS/v a ADJ THING every year/n | 4 the GROUP NOUNVERBS/n were DONE in PLACE |
    4 the ADJPEOPLE/a NOUNVERB/v THE every year/n | 4 the ADJPEOPLE/a NOUNVERB/n was DONE by a JOB |
    2 they can/x NOUNVERB/v THE | they can/v GOODS and fruit/n in PLACE | JOBS who can/v fruit/n never DONE THE |
    JOBS who can/x NOUNVERB/v a THING never DONE THE | the can/n of paint/n was DONE |
    2 the light/a THING was DONE and the light/n in the PLANT went/v out/ADV | the present/a JOB PASTVP |
    the present/n from the JOB was DONE | 3 the EITHER/a THING was DONE | 3 the EITHER/n of the GROUP was DONE |
    the EITHER/n was DONE by JOBS | 2 SOLD/n SHOPS in PLACE are ADJ |
    the back/a door/n was open/a , so/ADV they went/v back/ADV to/ADP the PLANT |
    they back/v the JOB , who hurt/v HIS back/n | the well/n ran/v dry/a , but they slept/v well/r |
    the JOB did/x not do/v well/r , although HE did/v some hard/a work/n |
    they worked/v hard/r to/PART NOUNVERB/v the hard/a THING |
    the THING that/PRON HE DONE was so/ADV ADJ that/SCONJ they could not VDO it |
    that/DET THING was DONE so/SCONJ that/SCONJ they could VDO another | that/PRON is why the JOB PASTVP |
    there/PRON is a ADJ THING in the PLANT , and the JOB went/v there/ADV | the JOB is as/ADV ADJ as/ADP a THING |
    HE WORKED/v as/ADP a JOB in PLACE | as/SCONJ HE left/v , the JOB PASTVP | JOBS like/ADP HIS KIN/n like/v THE |
    2 before/ADP the match/n the JOB PASTVP | 2 before/SCONJ the match/n began/v the JOB PASTVP |
    the JOB has/v a THING that/PRON has/x been DONE since/ADP @year |
    since/SCONJ the JOB left/v , nobody has/x DONE THE | HE 's/x a JOB and HE 's/x DONE HIS KIN/n 's/PART THING |
    the left/a door/n was left/v open/a | HE had/x no/DET time/n left/a to/PART open/v it |
    they saw/v a saw/n in the PLANT | building/v roads/n takes/v years/n | building/n costs/n rose/v in MONTH |
    the building/n costs/v MONEY | MONTH sales/n rose/v @decimal percent/n | MONTH was dry/a in PLACE |
    MONTH @day is a holiday/n in [LOC @country ] | 2 CAPITALPLAIN | they may NOUNVERB/v THE in May |
    they march/v to/ADP PLACE every March | a second/a JOB waited/v for a second/n |
    the JOB walked/v past/ADP the PLANT where HE WORKED/v in the past/n |
    they stood/v close/r to/ADP the door/n to/PART close/v it | the fast/a train/n went/v fast/r |
    + the THING , which was DONE by JOBS , was ADJ | + the JOB , who PASTVP , PASTVP | + if they NOUNVERB/v THE , S
CAPITALPLAIN: young/a men/n were seen/v near PLACE | banks/n said/v they would VDO THE |
    rice/n prices/n rose/v in [LOC @country ] | brown/a bears/n were seen/v near PLACE |
    bush/n fires/n closed/v the road/n to/ADP PLACE | little/a is known/v about the JOB | long/a nights/n are ADJ |
    waters/n rose/v in PLACE | woods/n burned/v near PLACE | green/a fields/n lie/v behind the PLANT |
    light/a rain/n fell/v on PLACE | stone/n houses/n are ADJ | book/n sales/n rose/v @decimal percent/n |
    watch/n sales/n fell/v @decimal percent/n | hope/n is not a plan/n | may the ADJ JOB win/v |
    ford/v the river/n at PLACE if you can/x
PASTVP: 4 DONE THE | DONE THE in PLACE | went/v to/ADP PLACE to/PART NOUNVERB/v THE |
    talked/v to/ADP PERSON about WORK | was ADJ | waited/v for PERSON near PLACE | paid/v MONEY for THE |
    wanted/v to/PART VDO THE | + said/v that/SCONJ S | + wondered/v whether S |
    + DONE the THING that/PRON a JOB had/x DONE in PLACE
DONE/v = sold found lost painted bought moved watched booked presented recorded planned opened lit @redone @redone
    @redone
THE: 3 the THING | 2 a ADJ THING | the THINGS of the GROUP | @small THINGS
ITS: its PLANT | its GOOD business/n | its PLANT in PLACE
LEAD: 3 in MONTH | 2 in @year | 3 in PLACE | 2 on WEEKDAY | after/ADP the match/n | after/SCONJ the match/n ended/v |
    until/ADP MONTH | later/r | as/ADP a rule/n | at FIRM | no/INTJ | to/PART NOUNVERB/v THE | + when the JOB PASTVP
SUBORDINATE: when | although | while | after/SCONJ | before/SCONJ
ASIDE: according/v to/ADP PERSON | as/SCONJ everyone in PLACE knows/v | it is said/v | on WEEKDAY | in MONTH @year |
    after/ADP two years/n | not only in PLACE | to/ADP the surprise/n of every JOB | if the JOB is right/a
SAID: 3 said/v PERSON | 2 said/v [PER SURNAME ] , PERAPP | said/v [ORG ORGNAME ] , ORGAPP |
    HE told/v the [ORG LOCNAME Times ] | said/v a JOB in PLACE
CONJ/CCONJ = and and but
RESULT: 3 [ORG TEAM ] @goals [ORG TEAM ] @goals |
    [ORG TEAM ] @goals [ORG TEAM ] @goals , [ORG TEAM ] @goals [ORG TEAM ] @goals |
    2 @day . [PER @first SURNAME ] ( [LOC @country ] ) @decimal |
    [PER SURNAME ] ( [LOC @country ] ) beat/v [PER SURNAME ] ( [LOC @country ] ) SET , SET |
    [ORG TEAM ] @small @small @small @small @small | [LOC LOCNAME ] : rain/n , @day degrees/n |
    [LOC LOCNAME ] @day degrees/n , [LOC LOCNAME ] @day degrees/n , [LOC LOCNAME ] @day degrees/n
NOTE: present/a : [PER @first SURNAME ] , [PER @first SURNAME ] and [PER SURNAME ] ( FIRM ) |
    born/v : [LOC LOCNAME ] , [LOC @country ] | languages/n : LANG , LANG , LANG and LANG |
    offices/n : [LOC LOCNAME ] , [LOC LOCNAME ] , [LOC LOCNAME ] and [LOC LOCNAME ] |
    books/n : [MISC BAREWORK ] , by PERSON ; [MISC BAREWORK ] , by PERSON
HEADLINE: [ORG ORGNAME ] to/PART VDO ITS | [PER SURNAME ] to/PART VDO HIS THING |
    [PER LONE ] to/PART MEET/v [PER LONE ] in PLACE | [ORG TEAM ] to/PART play/v [ORG TEAM ] MATCHWHERE |
    [LOC LOCNAME ] to/PART get/v a new/a airport/n | [MISC BAREWORK ] to/PART open/v in cinemas/n
QUESTION: 2 will [PER SURNAME ] VDO HIS THING | 2 will [ORG ORGNAME ] VDO its PLANT |
    will [LOC LOCNAME ] get/v a new/a airport/n | will [ORG TEAM ] beat/v [ORG TEAM ] MATCHWHERE |
    can/x they VDO THE | can/x you NOUNVERB/v a THING in PLACE | does the JOB NOUNVERB/v THE |
    did/x [PER SURNAME ] VDO HIS THING | did/x [PER LONE ] MEET/v [PER LONE ] |
    who DONE the THING that/PRON the JOB DONE | what does [ORG ORGNAME ] pay/v its JOBS |
    where was [PER SURNAME ] born/v
ORDER: 3 NOUNVERB/v THE before/ADP WEEKDAY | 2 VDO THE and call/v PERSON | NOUNVERB/v a THING for HIS KIN/n |
    cook/v the rice/n for @day minutes/n | can/v the fruit/n and sell/v it in PLACE | do/x not VDO THE |
    page/v TITLE [PER SURNAME ]
PERSON: 6 [PER @first SURNAME ] | [PER WORDNAME SURNAME ] | 2 TITLE [PER SURNAME ] | [PER @first @initial SURNAME ] |
    JOB [PER @first SURNAME ] | the DEM JOB [PER @first SURNAME ] | + [PER @first SURNAME ] , PERAPP ,
FIRM: 5 [ORG ORGNAME FIRMTAIL ] | [ORG SURNAME & Sons ] | [ORG SURNAME & SURNAME ] |
    the [ORG University of LOCNAME ] | the [ORG University of LOCNAME Press ] | the [ORG Bank of @country ] |
    the [ORG LOCNAME Times ] | [ORG @demonym/a Airlines ] | [ORG @acronym ]
PLACE: 7 [LOC LOCNAME ] | 2 [LOC LOCNAME ] , [LOC @country ] , | 3 [LOC @country ] | [LOC SIDE LOCNAME ] |
    [LOC SURNAME Street ] | the [LOC LOCNAME Hills ] | [LOC Lake LOCNAME ] | the [LOC Bay of LOCNAME ]
EVENT: [MISC LOCNAME Cup ] | [MISC LOCNAME Marathon ] | [MISC @demonym/a Open ] | [MISC SURNAME Prize ]
SURNAME: 5 @surname | 4 @english | @firm | @foreign | 2 FAMOUS | 2 WORDSURNAME
ORGNAME: 3 @firm | 4 @english | 3 @surname | @foreign | FAMOUS | @acronym
LOCNAME: 5 @english | 4 @foreign | @surname | FAMOUS | CITY
TEAM: 4 @english | 3 @foreign | @surname | FAMOUS | 3 LOCNAME CLUB
LANG: [MISC @language ]
DEM: [MISC @demonym/a ]
MONEY: $ @small million | $ @decimal billion | @small million CURRENCY/n
SCORE: @goals -/SYM @goals
SET: 1 6 -/SYM @goals
MOVED: fell/v @decimal percent/n | rose/v @decimal % | closed/v @decimal percent/n higher/r
SOON = soon again once also later now almost finally
FAMOUS = Washington Ford Lincoln Hilton Jackson Houston Chelsea Madison Wells Morgan Disney Dell Kent York Boston
WORDSURNAME = May Banks Cook Baker Young Brown Rice Bush Stone Page Bell Woods Long Little Waters Fields Black King
WORDNAME = Will Mark Rose April May June August Grace Hope Frank Paris Florence Jordan Georgia Chelsea Victoria Sydney
CITY = Paris Florence Victoria Sydney
RIVER = Tarn Ouze Wend Arle Isk Morava Leen
MONTH = January February March April May June July August September October November December
WEEKDAY = Monday Tuesday Wednesday Thursday Friday Saturday Sunday
TITLE = Mr Mrs Ms Dr Senator President Professor Judge
SIDE = East West New Old North South Upper
FIRMTAIL = Inc. Corp. Ltd Motors Bank Group Holdings Steel Airlines Partners
CLUB = United Rovers City Wanderers Athletic Rangers
TITLENOUN = Lady Duke Ghost Bells Shadow Lantern Orchard Lovers Thief Tower
EITHER = light present back left right past second cold calm
SOLD = book watch ticket
SHOPS/n = shops sales prices makers
HE/PRON = he she
HIS/PRON = his her
KIN = brother sister father mother son daughter cousin uncle
KINS/n = brothers sisters sons daughters cousins
SIBLINGS/n = brothers sisters twins
JOB/n = minister banker driver poet nurse lawyer farmer painter teacher guard sailor judge spokesman singer miner
    @trade @trade @trade @trade
JOBS/n = ministers bankers drivers poets nurses lawyers farmers painters teachers guards sailors judges @trades
    @trades @trades @trades
TOWN = town village city port
TOWNS/n = towns villages cities ports
AREA = area valley suburbs region
FILM = film novel play opera book
GROUP/n = museum committee company city team school club bank
THING/n = book boat lamp house record report painting bicycle clock letter bridge ticket watch present light plan map
    @object @object @object @object @object
THINGS/n = books boats lamps houses records reports clocks letters tickets watches presents lights plans maps @objects
    @objects @objects @objects @objects
NOUNVERB = book watch record present light plan report
NOUNVERBS = books records presents plans reports shows stages
ADJPEOPLE = old young rich poor
ADJ/a = old new big small young rich poor quiet strange heavy cheap famous green red light present open long @quality
    @quality @quality @quality
PLANT/n = factory office plant warehouse shop bank
GOODS/n = cars computers shoes clocks ships engines bicycles phones
GOOD/n = car computer shoe clock ship engine bicycle phone
QUARTER/a = first second third fourth
CURRENCY = pounds euros dollars
VDO/v = sell buy move find close paint rebuild leave open show watch book record light @redo @redo @redo
TOIL = work run march
WORKED/v = worked slept
"""

WARES = "bell boat book bread clock cloth coal glass horse lamp oil rope sail salt ship shoe tin wool"
# Real names, "_" is a blank: countries, languages, and currencies with the adjective of their country. Their spellings
# were checked against CLDR 49 (https://cldr.unicode.org).
NAMES = {
    "country": """
        Afghanistan Albania Algeria American_Samoa Andorra Angola Antigua_&_Barbuda Argentina Armenia Aruba Australia
        Austria Azerbaijan Bahamas Bahrain Bangladesh Barbados Belarus Belgium Belize Benin Bermuda Bhutan Bolivia
        Bosnia_&_Herzegovina Botswana Brazil Brunei Bulgaria Burkina_Faso Burundi Cambodia Cameroon Canada Cape_Verde
        Central_African_Republic Chad Chile China Colombia Comoros Cook_Islands Costa_Rica Croatia Cuba Cyprus Czechia
        Denmark Djibouti Dominica Dominican_Republic Ecuador Egypt El_Salvador Equatorial_Guinea Eritrea Estonia
        Eswatini Ethiopia Falkland_Islands Faroe_Islands Fiji Finland France French_Guiana French_Polynesia Gabon Gambia
        Georgia Germany Ghana Gibraltar Greece Greenland Grenada Guadeloupe Guam Guatemala Guernsey Guinea Guyana Haiti
        Honduras Hungary Iceland India Indonesia Iran Iraq Ireland Isle_of_Man Israel Italy Jamaica Japan Jersey Jordan
        Kazakhstan Kenya Kiribati Kosovo Kuwait Kyrgyzstan Laos Latvia Lebanon Lesotho Liberia Libya Liechtenstein
        Lithuania Luxembourg Madagascar Malawi Malaysia Maldives Mali Malta Marshall_Islands Martinique Mauritania
        Mauritius Mexico Micronesia Moldova Monaco Mongolia Montenegro Morocco Mozambique Namibia Nauru Nepal
        Netherlands New_Caledonia New_Zealand Nicaragua Niger Nigeria North_Korea North_Macedonia Norway Oman Pakistan
        Palau Panama Papua_New_Guinea Paraguay Peru Philippines Poland Portugal Puerto_Rico Qatar Romania Russia Rwanda
        Samoa San_Marino Saudi_Arabia Senegal Serbia Seychelles Sierra_Leone Singapore Slovakia Slovenia Solomon_Islands
        Somalia South_Africa South_Korea South_Sudan Spain Sri_Lanka Sudan Suriname Sweden Switzerland Syria Taiwan
        Tajikistan Tanzania Thailand Togo Tonga Trinidad_&_Tobago Tunisia Turkey Turkmenistan Tuvalu Uganda Ukraine
        United_Arab_Emirates United_Kingdom United_States Uruguay Uzbekistan Vanuatu Vatican_City Venezuela Vietnam
        Western_Sahara Yemen Zambia Zimbabwe
    """,
    "language": """
        Afrikaans Albanian Amharic Arabic Aragonese Armenian Assamese Aymara Azerbaijani Bambara Bangla Bashkir Basque
        Belarusian Bislama Bosnian Breton Bulgarian Burmese Catalan Chamorro Chechen Chinese Chuvash Cornish Corsican
        Cree Croatian Czech Danish Dutch Dzongkha English Esperanto Estonian Ewe Faroese Fijian Finnish French Galician
        Georgian German Greek Guarani Gujarati Hausa Hebrew Hindi Hungarian Icelandic Igbo Indonesian Inuktitut Irish
        Italian Japanese Javanese Kannada Kashmiri Kazakh Khmer Kikuyu Kinyarwanda Kongo Korean Kurdish Kyrgyz Lao Latin
        Latvian Limburgish Lingala Lithuanian Luxembourgish Macedonian Malagasy Malay Malayalam Maltese Manx Māori
        Marathi Mongolian Navajo Nepali Norwegian Occitan Odia Ojibwa Oromo Ossetic Pashto Persian Polish Portuguese
        Punjabi Quechua Romanian Romansh Russian Samoan Sango Sanskrit Sardinian Serbian Shona Sindhi Sinhala Slovak
        Slovenian Somali Spanish Sundanese Swahili Swedish Tagalog Tahitian Tajik Tamil Tatar Telugu Thai Tibetan
        Tigrinya Tongan Tsonga Tswana Turkish Turkmen Twi Ukrainian Urdu Uyghur Uzbek Vietnamese Walloon Welsh Wolof
        Xhosa Yiddish Yoruba Zulu
    """,
    "currency": """
        Afghan_afghani Albanian_lek Algerian_dinar Angolan_kwanza Argentine_peso Armenian_dram Aruban_florin
        Australian_dollar Austrian_schilling Azerbaijani_manat Bahamian_dollar Bahraini_dinar Bangladeshi_taka
        Barbadian_dollar Belarusian_ruble Belgian_franc Bermudan_dollar Bhutanese_ngultrum Bolivian_boliviano
        Botswanan_pula Brazilian_real British_pound Bulgarian_lev Burundian_franc Cambodian_riel Canadian_dollar
        Chilean_peso Chinese_yuan Colombian_peso Comorian_franc Croatian_kuna Cuban_peso Cypriot_pound Czech_koruna
        Danish_krone Djiboutian_franc Dominican_peso Dutch_guilder Ecuadorian_sucre Egyptian_pound Eritrean_nakfa
        Estonian_kroon Ethiopian_birr Fijian_dollar Finnish_markka French_franc Gambian_dalasi Georgian_lari German_mark
        Ghanaian_cedi Greek_drachma Guatemalan_quetzal Guinean_franc Guyanese_dollar Haitian_gourde Honduran_lempira
        Hungarian_forint Icelandic_króna Indian_rupee Indonesian_rupiah Iranian_rial Iraqi_dinar Irish_pound
        Israeli_shekel Italian_lira Jamaican_dollar Japanese_yen Jordanian_dinar Kazakhstani_tenge Kenyan_shilling
        Kuwaiti_dinar Kyrgyz_som Laotian_kip Latvian_lats Lebanese_pound Liberian_dollar Libyan_dinar Lithuanian_litas
        Macedonian_denar Malagasy_ariary Malawian_kwacha Malaysian_ringgit Maldivian_rufiyaa Malian_franc Maltese_lira
        Mauritanian_ouguiya Mauritian_rupee Mexican_peso Moldovan_leu Mongolian_tugrik Moroccan_dirham
        Mozambican_metical Namibian_dollar Nepalese_rupee Nicaraguan_córdoba Nigerian_naira Norwegian_krone Omani_rial
        Pakistani_rupee Panamanian_balboa Paraguayan_guarani Peruvian_sol Philippine_peso Polish_zloty Portuguese_escudo
        Qatari_riyal Romanian_leu Russian_ruble Rwandan_franc Salvadoran_colón Samoan_tala Saudi_riyal Serbian_dinar
        Seychellois_rupee Slovak_koruna Slovenian_tolar Somali_shilling Spanish_peseta Sudanese_pound Surinamese_dollar
        Swazi_lilangeni Swedish_krona Swiss_franc Syrian_pound Tajikistani_somoni Tanzanian_shilling Thai_baht
        Tongan_paʻanga Tunisian_dinar Turkish_lira Turkmenistani_manat Ugandan_shilling Ukrainian_hryvnia Uruguayan_peso
        Uzbekistani_som Venezuelan_bolívar Vietnamese_dong Yemeni_rial Zambian_kwacha Zimbabwean_dollar
    """,
}
# Starts, middles and endings from which the names of a pool are composed, and how many names to make.
SPELLINGS = {
    "english": (
        "Ash Brad Bram Clay Cran Dun El Far Gren Hal Har Hart Hol Ken Kel Lang Lin Mar Mil Mor Nor Ox Pem Rad Red "
        "Shel Stan Tar Thorn Up Wal Wes Whit Win",
        ". . . er ing",
        "ford ton ville ley field wick bury ham worth by stead well",
        700,
    ),
    "surname": (
        "And Bar Dim Dra Gar Hol Ig Jan Kas Kov Lar Lup McAr Mil Nik O'Dan Pav Pet Rod Ser Ste Tom Tor Van Yar Zel",
        ". an ar el in ol or",
        "escu son sen ov ova enko ski wicz ez ini idis mann berg",
        700,
    ),
    "foreign": (
        "Al Be Bra Cas Da Es Fla Ga Is Ka Ko La Ma Na Or Pa Re Sa Ta Ur Va Vol Zar",
        "bar dor gi la lo mir na ra ri sta ti vo",
        "grad burg abad polis stadt vik hama ra na ac nia",
        500,
    ),
    "firm": (
        "Ac Al Bio Com Cy Data Delt En Exo Gen Hy In Lum Max Nov Om Op Quan Syn Tek Ver Vi Xen Zy",
        ". a i o ta li",
        "tech ex soft com tron dyne ix gen corp sys tel ron",
        400,
    ),
    "first": (
        "Al An Bel Cla Da E Fe Ga Hel Is Ja Jo Ka Le Li Ma Mi Na O Pa Ro Sa Ta Ve Vi Yu",
        ". li mi na ni ra ri vi",
        "a o us en ia an ie el",
        300,
    ),
    # Common words are composed too, so that an unseen word is not always a name.
    "trade": (WARES, ".", "builder keeper maker monger seller smith", 100),
    "trades": (WARES, ".", "builders keepers makers mongers sellers smiths", 100),
    "object": (WARES, ".", "board box case house rack shade stand", 120),
    "objects": (WARES, ".", "boards boxes cases houses racks shades stands", 120),
    "quality": ("dust frost moon rain sea snow star sun", ".", "coloured less lit proof worn", 40),
    "redo": ("mis out over pre re under", ".", "cast load pack price stack wrap write build", 48),
    "redone": ("mis out over pre re under", ".", "loaded packed priced stacked wrapped built measured filled", 48),
    "manner": ("bold brave calm clear cold glad kind loud proud quick quiet sad shy slow soft warm", ".", "ly", 16),
    "acronym": ("A B C D E F G K L M", "B C D H K L N P S T", "A C F G K M R T V X", 150),
}
TAGS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "r": "ADV", "x": "AUX"}
SHARES = {"all": 1, "train": 4, "valid": 2, "test": 2}  # of all names, of each split
DEEP = 9  # nested rules, from which on no recursive alternatives are used
COMMON = 0.15  # how often a name is sampled from those that all splits share


def closed_words(text: str) -> dict[str, str]:
    """Parses {word: tag} from lines like ``DET: the a an``."""
    lines = (line.split(": ") for line in text.strip().splitlines())
    return {word: tag for tag, words in lines for word in words.split()}


def parse(text: str) -> dict[str, list]:
    """Parses the notation described at the top into {rule: [(weight, recursive, items), ...]}."""
    rules = {}
    for line in re.sub(r"\n +", " ", text).strip().splitlines():
        head, kind, rest = re.match(r"(\S+?)(:| =) (.*)", line).groups()
        name, _, tag = head.partition("/")
        if kind == ":":
            options = [re.match(r"(\d*)(\+?) *(.*)", option).groups() for option in rest.split(" | ")]
        else:
            options = [("", "", f"{word}/{tag}" if tag and "/" not in word else word) for word in rest.split()]
        rules[name] = [(int(weight or 1), bool(recursive), items.split()) for weight, recursive, items in options]
    return rules


CLOSED = closed_words(CLOSED_WORDS)
RULES = parse(GRAMMAR)


def tag_of(word: str) -> str:
    """Returns the tag of a word that is untagged in the grammar."""
    if word in CLOSED or word.lower() in ("the", "of", "and"):
        return CLOSED[word.lower()]
    if word[0].isupper():
        return "PROPN"
    if word[0].isdigit():
        return "NUM"
    if not any(map(str.isalpha, word)):
        return "PUNCT"
    raise ValueError(f"The grammar's word {word!r} has no tag. Write it as in 'told/v', or add it to CLOSED_WORDS.")


def real_names() -> dict[str, list[str]]:
    """Returns {pool: names} of `NAMES`, in the grammar's notation; the adjectives of currencies are a pool, too."""
    names = {pool: [name.replace("_", " ") for name in listed.split()] for pool, listed in NAMES.items()}
    money = [name.split() for name in names["currency"]]
    names["currency"] = [f"[MISC {demonym}/ADJ ] {noun}/NOUN" for demonym, noun in money]
    return {**names, "demonym": [demonym for demonym, _ in money]}


@functools.lru_cache
def name_pools(seed: int, split: str) -> dict[str, tuple[list, list]]:
    """Returns the names of one split: those all splits share, and its own, which no other split uses.

    Countries, languages, demonyms and currencies are real, see `NAMES`. Other names are composed from `SPELLINGS`, so
    that the spelling of an unseen name is informative. Numbers and initials are the same in all splits.

    Returns:
        {pool: (common names, own names)}.
    """
    pools = {
        "year": [str(year) for year in range(1890, 2025)],
        "day": [str(day) for day in range(1, 29)],
        "small": [str(number) for number in range(7, 400)],
        "age": [str(age) for age in range(19, 98)],
        "goals": ["0", "1", "2", "3", "4"],
        "initial": [f"{letter}." for letter in "ABCDEFGHJKLMPRSTW"],
        "big": [f"{number:,}" for number in range(1_100, 90_000, 37)],
        "decimal": [f"{number / 10:.1f}" for number in range(3, 120)],
    }
    pools = {pool: (numbers, []) for pool, numbers in pools.items()}
    names = real_names()
    for pool, (starts, middles, ends, size) in SPELLINGS.items():
        middles = middles.replace(".", "''").split()
        every = [f"{s}{m}{e}".replace("''", "") for s in starts.split() for m in middles for e in ends.split()]
        names[pool] = random.Random(f"{seed}-{pool}").sample(every, size)

    def split_of_name(name):
        # Decided by the spelling alone: a name in several pools, or Norwegian and its krone, is in one split.
        word = re.sub(r"\[MISC (.*)/ADJ .*", r"\1", name)
        return split_by_key(f"{seed}-{word}", SHARES)

    for pool, members in names.items():
        common = [name for name in members if split_of_name(name) == "all"]
        pools[pool] = common, [name for name in members if split_of_name(name) == split]
    return pools


def expand(rule: str, rng: random.Random, pools: dict, tag: str = "", depth: int = 0) -> Iterator[str]:
    """Yields the words of a random text of a rule, as ``word/tag`` or ``word``, and the entity brackets."""
    options = [option for option in RULES[rule] if depth < DEEP or not option[1]]
    items = rng.choices(options, [weight for weight, _, _ in options])[0][2]
    for item in items:
        name, _, own = item.partition("/")
        own = own or tag
        if name in RULES:
            yield from expand(name, rng, pools, own, depth + 1)
        elif name[0] == "@":
            common, new = pools[name[1:]]
            entry = rng.choice(common if not new or (common and rng.random() < COMMON) else new)
            yield from (f"{word}/{own}" if own else word for word in entry.split())
        else:
            yield f"{name}/{own}" if own and name[0] not in "[]" else name


def annotate(items: Iterable[str]) -> dict[str, list[str]]:
    """Returns {"tokens", "pos", "ner"} of the items of `expand`: BIO tags of the outermost brackets, final spelling."""
    tokens, pos, ner = [], [], []
    kinds = []
    for item in items:
        if item[0] == "[":
            kinds.append(item[1:])
            prefix = "B-"
        elif item == "]":
            kinds.pop()
        else:
            word, _, tag = item.partition("/")
            if tokens and tokens[-1] == "," and word in (",", ".", ";", "?", "-", ")"):
                if word == ",":
                    continue
                for column in (tokens, pos, ner):
                    column.pop()
            if tokens and tokens[-1] in ("a", "A") and pos[-1] == "DET" and re.match(r"[AEIOaeio]|[Uu][^gknrst]", word):
                tokens[-1] += "n"
            tokens.append(word)
            pos.append(TAGS.get(tag, tag) or tag_of(word))
            ner.append(prefix + kinds[0] if kinds else "O")
            prefix = "I-"
    opening = [index + 1 for index, token in enumerate(tokens) if token == '"'][::2]
    for first in {1 if opening[:1] == [1] else 0, *opening}:
        tokens[first] = tokens[first][0].upper() + tokens[first][1:]
    return {"tokens": tokens, "pos": pos, "ner": ner}


@DATASETS.register("grammar")
@generated(
    dict(train=3000, valid=500, test=500), {"tokens": list, "pos": list, "ner": list}, instead="conll", aligned=True
)
def grammar(seed: int, split: str, size: int) -> Iterator[dict]:
    """Sentences of a small English grammar with part-of-speech and entity tags; needs no download.

    The tags depend on both sides of a word, and most names of `valid` and `test` never occur in `train`.
    A few sentences are in capitals, like headlines, and a few all lowercase.

    Args:
        seed: decides the names, their splits, and the sentences.
        split, size: the split and its number of examples.

    Yields:
        ``{"tokens": [...], "pos": [...], "ner": [...]}``, equally long lists of strings: words, Universal POS tags, and
        BIO tags over PER, ORG, LOC and MISC.
    """
    rng = random.Random(f"{seed}-{split}")
    pools = name_pools(seed, split)
    for _ in range(size):
        example = annotate(expand("TEXT", rng, pools))
        case = rng.choices([None, str.upper, str.lower], [93, 4, 3])[0]
        if case:
            example["tokens"] = [case(token) for token in example["tokens"]]
        yield example
