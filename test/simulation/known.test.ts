import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { bundle } from './bundle.js'
import { ALONE } from './cluster.js'
import { type Report, recall, replay } from './fleet.js'
import type { Kind, Schedule, Step } from './schedule.js'

/** What went wrong under the former rules, each as it was found: where it came about, and what must have been tried. */
interface Known {
  /** Of a browser, at its place, a page is open at first unless the sum of both can be divided by four. */
  readonly seed: number
  readonly what: string
  readonly browsers: Schedule['browsers']
  readonly steps: readonly (Kind | readonly [Kind, number, number?])[]
  readonly moments: readonly string[]
}

/** Of a page that is another visitor's by now. */
const STRANGE = 'a page is dropped'

const KNOWN: readonly Known[] = [
  {
    seed: 623,
    what: 'a POST is held while its guest signs in',
    browsers: [null],
    steps: ['breakConnection', 'change', 'signIn', 'arrive', 'send', 'arrive'],
    moments: [STRANGE, 'a page is of another visitor'],
  },
  {
    seed: 887,
    what: 'a POST is held over a sign-out and a restart',
    browsers: ['ann'],
    steps: ['change', 'toServer', 'toTab', 'toTab', ['leave', 0, 0], 'arrive', 'toTab', 'restart', 'send', 'arrive'],
    moments: ['a page gives a POST up', 'a page is of another visitor'],
  },
  {
    seed: 328,
    what: 'a static page signs in at once',
    browsers: [null],
    steps: ['openStatic', 'shakeHands', 'shakeHands', 'signIn', 'arrive', 'toTab', 'change'],
    moments: ['a connection with a cookie that is none', 'a connection with a cookie that is own'],
  },
  {
    seed: 361,
    what: 'a POST is held over a sign-in and a sign-out, and the page is loaded again',
    browsers: [null],
    steps: [
      'breakConnection',
      'change',
      'signIn',
      'arrive',
      ['leave', 0, 0],
      'arrive',
      'send',
      'open',
      'arrive',
      'arrive',
    ],
    moments: [STRANGE],
  },
  {
    seed: 676,
    what: 'a static page, lost and held POSTs, a restart, two loads',
    browsers: [null],
    steps: ['openStatic', 'change', 'send', 'lose', 'timer', 'restart', 'open', 'send', 'open', 'arrive', 'flow'],
    moments: ['a POST with a cookie that is none'],
  },
  {
    seed: 87,
    what: 'one tab, restarts, the back button, a held answer',
    browsers: [null],
    steps: ['change', 'goBack', 'send', 'restart', 'goBack', 'change', 'restart', 'goBack', 'arrive', 'goBack'],
    moments: ['a connection with a cookie that is own'],
  },
  {
    seed: 25961,
    what: 'a guest’s ticket comes after the sign-in',
    browsers: [null],
    steps: ['write', ['bringLate', 0, 1], 'flow'],
    moments: ['a POST is other_subject'],
  },
  {
    seed: 45574,
    what: 'a page goes on without consent after the server has sent it back, and all cookies are cleared',
    browsers: [null],
    steps: ['consent', 'emptyCache', 'flow', 'block'],
    moments: ['a connection with a cookie that is own'],
  },
  {
    seed: 10491,
    what: 'a guest’s connection answers after a POST has said that a user is there',
    browsers: [null],
    steps: ['add', 'toServer', 'signIn', 'arrive', 'toTab', 'send', 'arrive', 'toTab', 'flow'],
    moments: ['a page is dropped', 'a computed value is taken'],
  },
  {
    seed: 1361,
    what: 'a ticket tells a process that has begun anew of a later epoch than the cookie beside it',
    browsers: ['ann'],
    steps: [['revokeMeanwhile', 0, 0], 'flow', 'deploy', ['openManyWithoutCookie', 0, 0], ['replay', 2]],
    moments: ['a POST with a cookie that is own'],
  },
  {
    seed: 1,
    what: 'a page without a connection adds on, while another one sends what it has found of it in the outbox',
    browsers: [null],
    steps: [
      'breakConnection',
      'add',
      'add',
      ['open', 0, 0],
      'arrive',
      ['shakeHands', 1],
      ['shakeHands', 1],
      ['toServer', 1],
      ['toTab', 1],
      ['toServer', 1],
      ['toTab', 1],
      ['toTab', 1],
      ['toServer', 1],
      'add',
    ],
    moments: ['a computed value is confirmed'],
  },
]

/** More of what went wrong, with the numbers that it takes. */
const KNOWN_TO_THE_NUMBER: readonly (Schedule & { readonly what: string; readonly moment: string })[] = [
  {
    what: 'a page finds what two others have each added to one list',
    seed: 77517,
    cluster: { skews: [-3000, -3000], hasStore: false, hasBus: true },
    browsers: [null, 'ann'],
    steps: [
      { kind: 'openManyWithoutCookie', who: 1, which: 1111296450, what: 2728891627 },
      { kind: 'flow', who: 1, which: 3455722036, what: 15772024 },
      { kind: 'addTogether', who: 1, which: 2933019932, what: 265975323 },
      { kind: 'restart', who: 1, which: 1683769307, what: 3852949061 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is taken',
  },
  {
    what: 'a page is told by a POST that another user is there, while the connection of the former goes on',
    seed: 108241,
    cluster: ALONE,
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'addTogether', who: 0, which: 2084457455, what: 4071094167 },
      { kind: 'signInUnsaid', who: 0, which: 3443807421, what: 1249725332 },
      { kind: 'openManyWithoutCookie', who: 0, which: 2946524134, what: 810746132 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a page is of another visitor',
  },
  {
    what: 'a page is told by a POST that its user has signed out, while the user goes on in another browser',
    seed: 72349,
    cluster: ALONE,
    browsers: ['ann', null, 'ann'],
    steps: [
      { kind: 'signOutUnsaid', who: 4252899408, which: 2605893419, what: 2492946404 },
      { kind: 'remove', who: 1356748656, which: 2294387912, what: 1632490228 },
      { kind: 'change', who: 2031180026, which: 818321573, what: 1817545078 },
      { kind: 'openManyWithoutCookie', who: 687576912, which: 1917357682, what: 3375119430 },
    ],
    hasLocks: true,
    hasKoaSession: true,
    endsInRestart: false,
    moment: 'a page is of another visitor',
  },
  {
    what: 'a user is revoked whose browser has kept the cookie from before its visitor agreed no more',
    seed: 112198,
    cluster: { skews: [0, 700], hasStore: true, hasBus: false },
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'revokeMeanwhile', who: 2112352591, which: 1111504213, what: 1380672414 },
      { kind: 'consent', who: 3170609477, which: 436800978, what: 1470919058 },
      { kind: 'flow', who: 951891343, which: 218766902, what: 4211075256 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: true,
    moment: 'a POST with a cookie that is revoked',
  },
  {
    what: 'a POST is refused for what another browser has set, and its page connects to a process that is behind and has not heard of that',
    seed: 26299,
    cluster: { skews: [0, 700, 0], hasStore: false, hasBus: false },
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'signInMeanwhile', who: 3889560619, which: 2142252400, what: 643286404 },
      { kind: 'forgetInHandshake', who: 1044409210, which: 131037668, what: 1660798393 },
      { kind: 'change', who: 2927241592, which: 999488153, what: 897360558 },
      { kind: 'flow', who: 3978584526, which: 1721253704, what: 2466122678 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a change is refused: superseded',
  },
  {
    what: 'a process says that a value is stored, which another has removed since as the browser id was given up, and has not told the end yet',
    seed: 55865,
    cluster: { skews: [0, 700], hasStore: true, hasBus: false },
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'storeSlows', who: 771704267, which: 589052970, what: 3739531227 },
      { kind: 'signInMeanwhile', who: 2144143495, which: 3492452375, what: 1132800060 },
      { kind: 'answerComesLate', who: 1405025453, which: 1773738829, what: 2084379771 },
      { kind: 'flow', who: 3929442130, which: 3258774523, what: 753600229 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: true,
    moment: 'the store answers late',
  },
  {
    what: 'a ticket of a process that was ahead comes beside a change, and goes over what another browser has added at one that had not heard of it',
    seed: 19117,
    cluster: { skews: [700, 0], hasStore: false, hasBus: false },
    browsers: ['ann', 'ann', 'bob'],
    steps: [
      { kind: 'add', who: 1353599410, which: 3460295217, what: 1329544703 },
      { kind: 'bringLate', who: 2887327375, which: 629220424, what: 4137574102 },
      { kind: 'addTogether', who: 598840481, which: 2493446629, what: 4141232001 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: true,
    moment: 'a computed value is taken',
  },
  {
    what: 'a visitor agrees no more, and adds to what the cookie has',
    seed: 99469,
    cluster: { skews: [1, 700, 700], hasStore: false, hasBus: false },
    browsers: ['ann', null, 'ann'],
    steps: [
      { kind: 'add', who: 2887863985, which: 880110353, what: 2713045741 },
      { kind: 'flow', who: 4290602422, which: 1418876319, what: 2260821622 },
      { kind: 'open', who: 3794391505, which: 218551239, what: 783931845 },
      { kind: 'consent', who: 2654948869, which: 3892145324, what: 1027985843 },
      { kind: 'flow', who: 1945903330, which: 4235699044, what: 4225051592 },
      { kind: 'addTogether', who: 1798083990, which: 1184256118, what: 1132720115 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a page is dropped',
  },
  {
    what: 'a process is cut off, and a POST tells its page of what another has taken on a clock that is ahead',
    seed: 19345,
    cluster: { skews: [0, -3000, 700], hasStore: false, hasBus: true },
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'cutOff', who: 2872895400, which: 2772909062, what: 3027852051 },
      { kind: 'addTogether', who: 3714741836, which: 1515492915, what: 1792471800 },
      { kind: 'takeTurns', who: 1483841504, which: 2673297766, what: 385365404 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: true,
    moment: 'a computed value is taken below what it was computed from',
  },
  {
    what: 'a page is told by its HTML of what another process has taken on a clock that is ahead, and a late answer takes the cookie back',
    seed: 70536,
    cluster: { skews: [-3000, 700], hasStore: false, hasBus: false },
    browsers: ['ann'],
    steps: [
      { kind: 'addAndLeave', who: 1285888703, which: 772986665, what: 438838878 },
      { kind: 'addAndLeave', who: 2395901067, which: 1250314809, what: 2817999548 },
      { kind: 'addAndLeave', who: 2789514836, which: 152907971, what: 933777091 },
      { kind: 'add', who: 1486919660, which: 2956023171, what: 1458931366 },
      { kind: 'breakConnection', who: 1125847650, which: 318934635, what: 3781759399 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is taken below what it was computed from',
  },
  {
    what: 'a page is told by its HTML of what a process has taken that has ended since, a late answer takes the cookie back, and the clock is put back',
    seed: 94281,
    cluster: { skews: [0], hasStore: false, hasBus: false },
    browsers: ['ann', null, 'ann'],
    steps: [
      { kind: 'remove', who: 1835214153, which: 2624250127, what: 2530704757 },
      { kind: 'addAndLeave', who: 3279162606, which: 949318720, what: 3860240574 },
      { kind: 'restart', who: 3170602120, which: 2786742694, what: 1387113348 },
      { kind: 'addTogether', who: 1746851100, which: 3864994747, what: 1703485101 },
      { kind: 'clock', who: 2255459899, which: 2937473018, what: 1502970288 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is taken below what it was computed from',
  },
  {
    what: 'a process forgets what a handshake has brought, and ends its connection before that is let in',
    seed: 402404,
    cluster: { skews: [0, 0, 0], hasStore: false, hasBus: false },
    browsers: ['ann', null, 'ann'],
    steps: [
      { kind: 'openStatic', who: 3954562305, which: 1631404210, what: 2132103125 },
      { kind: 'open', who: 1784766116, which: 3324752238, what: 2838735026 },
      { kind: 'addAndLeave', who: 251056238, which: 1823998343, what: 3119232633 },
      { kind: 'forgetMeanwhile', who: 963446259, which: 3524206957, what: 3900979944 },
      { kind: 'emptyCache', who: 2075013000, which: 1213397500, what: 1993523383 },
    ],
    hasLocks: true,
    hasKoaSession: true,
    endsInRestart: false,
    moment: 'a connection was ended before it was let in',
  },
  {
    what: 'the store does not answer the process that a left page sends its list to, and the next page goes on from there and is left',
    seed: 26208,
    cluster: { skews: [-3000, 0, 20_000], hasStore: true, hasBus: false },
    browsers: [null],
    steps: [
      { kind: 'addAndLeave', who: 2079765432, which: 1349546322, what: 3073486739 },
      { kind: 'arrive', who: 1165248095, which: 3297518516, what: 628723814 },
      { kind: 'storeSlows', who: 1324147889, which: 3728978322, what: 3624909883 },
      { kind: 'addAndLeave', who: 2938538591, which: 3239946093, what: 1853414472 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is confirmed',
  },
  {
    what: 'a page comes back to a process that has the value from the cookie alone, its list to another, and the store answers both late',
    seed: 54348,
    cluster: { skews: [0, 700], hasStore: true, hasBus: false },
    browsers: ['ann'],
    steps: [
      { kind: 'addAndLeave', who: 596669950, which: 711234539, what: 3796999215 },
      { kind: 'storeSlows', who: 3398650539, which: 3849830646, what: 2744922804 },
      { kind: 'flow', who: 766661021, which: 4127771465, what: 910296416 },
      { kind: 'addAndLeave', who: 438099291, which: 3186704718, what: 3437453425 },
      { kind: 'addAndLeave', who: 285057261, which: 2545334704, what: 1797167157 },
      { kind: 'addAndLeave', who: 331740551, which: 2190236867, what: 3657703392 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is confirmed',
  },
  {
    what: 'the store takes what a page has added as the process tries again, and says of that only that something stands there',
    seed: 5274,
    cluster: { skews: [1, 20000, 0], hasStore: true, hasBus: true },
    browsers: [null],
    steps: [
      { kind: 'storeSlows', who: 470652726, which: 1579453409, what: 690036319 },
      { kind: 'addAndLeave', who: 1154540254, which: 2815418898, what: 3173715607 },
      { kind: 'timer', who: 1060005697, which: 1963320034, what: 57331773 },
      { kind: 'timer', who: 958280220, which: 2634714446, what: 3285895407 },
      { kind: 'storeAnswers', who: 2762162723, which: 657564917, what: 1018813067 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'the store answers late',
  },
  {
    what: 'a process says that a value is stored, which another has removed since as the user was erased, and has not told the end yet',
    seed: 79635,
    cluster: { skews: [1, 1, 1], hasStore: true, hasBus: false },
    browsers: ['ann', 'ann', 'bob'],
    steps: [
      { kind: 'storeSlows', who: 3476319750, which: 1060383230, what: 1147483717 },
      { kind: 'eraseUser', who: 734747963, which: 2927161450, what: 3851530212 },
      { kind: 'bringLate', who: 1187331399, which: 2168864485, what: 1386944102 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a GET with a cookie that is revoked',
  },
  {
    what: 'a page sends what it has added again, to a process that has only heard of it from the one which the store does not answer',
    seed: 33786,
    cluster: { skews: [0, 0], hasStore: true, hasBus: true },
    browsers: [null],
    steps: [
      { kind: 'storeSlows', who: 1859415821, which: 2656495636, what: 983303268 },
      { kind: 'addAndLeave', who: 3705325417, which: 3899714274, what: 3034225840 },
      { kind: 'close', who: 1284452866, which: 2828771751, what: 1589109806 },
      { kind: 'shakeHands', who: 4084365436, which: 694322948, what: 1111987119 },
      { kind: 'addAndLeave', who: 1957533185, which: 3101852002, what: 1560040062 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is confirmed',
  },
  {
    what: 'a user is erased once the store has what a page has set, and before its process says so',
    seed: 62331,
    cluster: { skews: [20000, 1], hasStore: true, hasBus: false },
    browsers: ['ann', 'ann', 'bob'],
    steps: [
      { kind: 'storeFails', who: 326182234, which: 3476163901, what: 294660383 },
      { kind: 'change', who: 792187947, which: 1661259463, what: 1866606524 },
      { kind: 'storeSlows', who: 898984209, which: 2193189365, what: 1044351241 },
      { kind: 'revokeMeanwhile', who: 1952825391, which: 834296630, what: 2997035867 },
      { kind: 'goBack', who: 3444104781, which: 260301183, what: 3434021556 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'an answer comes too late',
  },
  {
    what: 'a user is erased as a POST says that the store has what a page has set, and the store is not told of that yet',
    seed: 911209,
    cluster: { skews: [1, 1], hasStore: true, hasBus: false },
    browsers: ['ann', 'ann', 'bob'],
    steps: [
      { kind: 'changeTogether', who: 1845065816, which: 4119510689, what: 3398035271 },
      { kind: 'storeFails', who: 4243687653, which: 3493230301, what: 3894245419 },
      { kind: 'revokeMeanwhile', who: 4143883571, which: 219354880, what: 538341107 },
      { kind: 'storeIsBack', who: 3586377839, which: 2677592846, what: 3456400438 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'the store refuses',
  },
  {
    what: 'a user comes back to a browser before the answer is out by which that user has left it',
    seed: 1002097,
    cluster: { skews: [0], hasStore: false, hasBus: false },
    browsers: [null, 'ann'],
    steps: [
      { kind: 'leave', who: 2465235451, which: 858877547, what: 2064154768 },
      { kind: 'addAndLeave', who: 1692086489, which: 2233387046, what: 2264186642 },
      { kind: 'writeSlowly', who: 2763131653, which: 926489850, what: 1666338672 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'an answer comes too late',
  },
  {
    what: 'a process learns that a user was erased as it asks whether the store has what a page has set',
    seed: 81176,
    cluster: { skews: [-3000, -3000, 0], hasStore: true, hasBus: false },
    browsers: ['ann', 'ann', 'bob'],
    steps: [
      { kind: 'change', who: 1676665192, which: 1820979701, what: 1475455723 },
      { kind: 'deploy', who: 2159329039, which: 1485078974, what: 61476578 },
      { kind: 'erase', who: 3311728006, which: 472860297, what: 4206505266 },
      { kind: 'remove', who: 525920017, which: 50725451, what: 101249230 },
      { kind: 'eraseUser', who: 3233946489, which: 93676798, what: 2410784979 },
      { kind: 'countInSession', who: 878950809, which: 3557322157, what: 249022121 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'an answer comes too late',
  },
  {
    what: 'a page sets what is of its browser alone, adds to a list in the same POST, and a page of another browser goes on from there',
    seed: 19510,
    cluster: { skews: [0], hasStore: false, hasBus: false },
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'change', who: 3497781474, which: 4107106540, what: 2172272181 },
      { kind: 'forgetMeanwhile', who: 1228792797, which: 4021579620, what: 2489906246 },
      { kind: 'addTogether', who: 2800857519, which: 550175711, what: 429970850 },
      { kind: 'flow', who: 3215318587, which: 668357013, what: 2237272051 },
      { kind: 'close', who: 3080436192, which: 18326103, what: 1918068717 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: true,
    moment: 'a computed value is taken',
  },
  {
    what: 'a process takes what a page has left, which comes back to one that is cut off',
    seed: 18711,
    cluster: { skews: [1, 0, 1], hasStore: false, hasBus: true },
    browsers: [null, null],
    steps: [
      { kind: 'cutOff', who: 2942507843, which: 651048727, what: 1979098421 },
      { kind: 'addAndLeave', who: 2717535529, which: 2371635655, what: 2454495519 },
      { kind: 'flow', who: 4060591373, which: 3070623274, what: 2727165845 },
    ],
    hasLocks: true,
    hasKoaSession: true,
    endsInRestart: false,
    moment: 'a change is refused that another process has taken',
  },
  {
    what: 'a page goes on from what another had left, is left itself, and the store answers the process late that gets it all',
    seed: 97410,
    cluster: { skews: [0, -3000], hasStore: true, hasBus: false },
    browsers: ['ann'],
    steps: [
      { kind: 'storeSlows', who: 668175144, which: 1990849241, what: 1980197084 },
      { kind: 'addAndLeave', who: 3604745628, which: 331111664, what: 376670640 },
      { kind: 'addAndLeave', who: 2973224924, which: 4037110260, what: 2269422142 },
      { kind: 'addAndLeave', who: 2230783824, which: 2627480447, what: 2598189128 },
      { kind: 'addAndLeave', who: 3707508794, which: 3094609257, what: 251914613 },
      { kind: 'addAndLeave', who: 1981982084, which: 1054881896, what: 1546011454 },
    ],
    hasLocks: false,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is confirmed',
  },
  {
    what: 'a user is erased elsewhere, of which the store tells in the first half of a write, and a job writes before the second',
    seed: 1317265,
    cluster: { skews: [40_000, 0], hasStore: true, hasBus: true },
    browsers: ['ann', null],
    steps: [
      { kind: 'holdNews', who: 2839963570, which: 2376023624, what: 2204553602 },
      { kind: 'eraseUser', who: 3490670496, which: 2863123628, what: 923723771 },
      { kind: 'eraseMeanwhile', who: 308285405, which: 3247452002, what: 566636971 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'the store answers late',
  },
  {
    what: 'two processes that nothing connects each take what a page has left, and the next page adds over the one in the same millisecond at the other',
    seed: 1403058,
    cluster: { skews: [0, 1], hasStore: false, hasBus: false },
    browsers: [null],
    steps: [
      { kind: 'addAndLeave', who: 456154734, which: 2523483204, what: 3752939220 },
      { kind: 'flow', who: 2211292279, which: 4073395086, what: 2362086973 },
      { kind: 'addAndLeave', who: 3573779756, which: 139408992, what: 1645258000 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a computed value is taken by two processes',
  },
  {
    what: 'the store takes what a page has added without saying so, while pages add at another process',
    seed: 7,
    cluster: { skews: [700, 0], hasStore: true, hasBus: true },
    browsers: ['ann', 'ann'],
    steps: [
      { kind: 'addMeanwhile', who: 0, which: 438099291, what: 2236867 },
      { kind: 'addMeanwhile', who: 1, which: 331740551, what: 1797167157 },
      { kind: 'addMeanwhile', who: 0, which: 1154540254, what: 744 },
      { kind: 'addMeanwhile', who: 1, which: 470652726, what: 36319 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'the store takes a write before it says so',
  },
  {
    what: 'a request signs in again, whose user was erased while it waited for the store',
    seed: 37313,
    cluster: { skews: [0], hasStore: true, hasBus: false },
    browsers: [null, 'ann'],
    steps: [
      { kind: 'storeSlows', who: 3100326413, which: 4267400022, what: 4067041505 },
      { kind: 'revokeMeanwhile', who: 3425514805, which: 2137397072, what: 361660657 },
      { kind: 'forgetMeanwhile', who: 1201087536, which: 861788119, what: 3248592007 },
      { kind: 'signIn', who: 1783350481, which: 1501287334, what: 804791470 },
    ],
    hasLocks: true,
    hasKoaSession: false,
    endsInRestart: false,
    moment: 'a GET with a cookie that is revoked',
  },
]

interface Case {
  readonly what: string
  readonly schedule: Schedule
  readonly moments: readonly string[]
}

const CASES: readonly Case[] = [
  ...KNOWN.map(({ seed, what, browsers, steps, moments }): Case => {
    const all = steps.map((step): Step => {
      const [kind, which, number] = typeof step === 'string' ? [step, 0] : step
      return { kind, who: 0, which, what: number ?? 1 }
    })
    const alone = { cluster: ALONE, hasLocks: false, hasKoaSession: false, endsInRestart: false }
    return { what, schedule: { seed, browsers, steps: all, ...alone }, moments }
  }),
  ...KNOWN_TO_THE_NUMBER.map(({ what, moment, ...schedule }): Case => ({ what, schedule, moments: [moment] })),
]

let reports: readonly Report[] = []

beforeAll(async () => {
  const schedules = CASES.map(({ schedule }) => schedule)
  reports = await replay(await bundle('known'), schedules)
})
afterAll(recall)

it.each(CASES.map(({ what }, index) => [what, index] as const))('holds where %s', (_, index) => {
  const report = reports[index]
  expect(report?.finding).toBeUndefined()
  expect(Object.keys(report?.moments ?? {})).toEqual(expect.arrayContaining([...(CASES[index]?.moments ?? [])]))
})
