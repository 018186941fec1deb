// Writes expected.json: what the WHATWG Encoding Standard makes of bytes. Run from this folder:
//
//     npm install --prefix /tmp/whatwg @exodus/bytes@1.16.0 && node generate.mjs /tmp/whatwg
//
// @exodus/bytes implements the standard and passes its tests; Node's own TextDecoder (20.20.2, ICU 78.2) does not: it
// reads windows-1252 as ISO 8859-1, knows no CP949 in euc-kr, has Big5's extensions in the private use area, and knows
// neither iso-8859-16 nor x-user-defined. Messages that it reads otherwise say so under "node".

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(pathToFileURL(`${process.argv[2]}/here.js`))
const { TextDecoder: Standard } = await import(pathToFileURL(require.resolve('@exodus/bytes/encoding.js')))

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n)
const pairs = (prefix = []) => range(0, 255).flatMap((a) => range(0, 255).map((b) => [...prefix, a, b]))
const singles = range(0, 255).map((a) => [a])
const fours = [0x81, 0x82, 0x83, 0x84, 0x85, 0x8f, 0x90, 0xe2, 0xe3, 0xe4, 0xfe].flatMap((a) =>
  range(0x30, 0x39).map((b) => range(0x81, 0xfe).flatMap((c) => range(0x30, 0x39).flatMap((d) => [a, b, c, d]))),
)
const triples = range(0xa1, 0xfe).map((a) => range(0xa1, 0xfe).flatMap((b) => [0x8f, a, b]))

const SINGLE = `ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i
  iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250
  windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258
  x-mac-cyrillic x-user-defined gbk utf-8`.split(/\s+/)
// test_charsets.py makes the same sequences, in the same order.
const SEQUENCES = {
  ...Object.fromEntries(SINGLE.map((name) => [name, singles])),
  'big5': [...singles, ...pairs()],
  'euc-jp': [...singles, ...pairs(), ...triples],
  'euc-kr': [...singles, ...pairs()],
  'gb18030': [...singles, ...pairs(), ...fours],
  'iso-2022-jp': [
    ...singles,
    ...['(B', '(J', '(I', '$@', '(('].flatMap((set) => singles.map((each) => [0x1b, ...Buffer.from(set), ...each])),
    ...pairs([0x1b, 0x24, 0x42]),
  ],
  'shift_jis': [...singles, ...pairs()],
  'utf-16be': [...singles, ...pairs()],
  'utf-16le': [...singles, ...pairs()],
}

const digests = {}
for (const [name, sequences] of Object.entries(SEQUENCES)) {
  const decoder = new Standard(name)
  const hash = createHash('sha256')
  for (const bytes of sequences) hash.update(`${decoder.decode(Uint8Array.from(bytes))}\n`)
  digests[name] = hash.digest('hex')
}

// Five texts for each of forty labels. "~" stands for the bytes that are no character there.
const WESTERN = ['Überweisung für „Müller“', 'Café à la crème – déjà vu', 'Año nuevo: ¿qué tal?', 'Smørrebrød på Åland', 'Größe ~ ändern']
const EURO = ['Überweisung: 12 €', 'Œuvres complètes', 'Žižkov', 'Año nuevo: ¿qué tal?', 'Größe ~ ändern']
const CENTRAL = ['Příliš žluťoučký kůň', 'Zażółć gęślą jaźń', 'Árvíztűrő tükörfúrógép', 'Čaša vode, šećer', 'Ďakujem ~ žena']
const CYRILLIC = ['Счёт за октябрь', 'Съешь ещё этих булок', 'Договор подписан', 'Встреча в среду', 'Привет ~ мир']
const UKRAINIAN = ['Рахунок за жовтень', 'Їжак і ґава', 'Єдиний договір', 'Зустріч у середу', 'Привіт ~ світ']
const GREEK = ['Τιμολόγιο Οκτωβρίου', 'Καλημέρα κόσμε', 'Η συνάντηση αναβλήθηκε', 'Ευχαριστώ πολύ', 'Γειά ~ σου']
const HEBREW = ['חשבונית לחודש אוקטובר', 'שלום עולם', 'הפגישה נדחתה', 'תודה רבה', 'בוקר ~ טוב']
const ARABIC = ['فاتورة شهر أكتوبر', 'مرحبا بالعالم', 'تم تأجيل الاجتماع', 'شكرا جزيلا', 'صباح ~ الخير']
const THAI = ['ใบแจ้งหนี้เดือนตุลาคม', 'สวัสดีชาวโลก', 'เลื่อนการประชุม', 'ขอบคุณมาก', 'อรุณ ~ สวัสดิ์']
const VIETNAMESE = ['Tha\u0300nh phô\u0301', 'Cơm trưa', 'Ăn đêm', 'Đươ\u0300ng', 'Đêm ~ trăng']
const TURKISH = ['İstanbul’da görüşürüz', 'Şemsiye çiğdem', 'Ağustos faturası', 'Teşekkürler', 'Günaydın ~ dünya']
const BALTIC = ['Ačiū labai', 'Šiandien žalia', 'Ģimenes ēka', 'Rēķins par oktobri', 'Labą ~ dieną']
const MALTESE = ['Ħaż-Żebbuġ', 'Ċirku Għawdex', 'Grazzi ħafna', 'Ġurnata tajba', 'Ħobż ~ biż-żejt']
const NORDIC = ['Þingvellir í september', 'Sámi giella áŋŋel', 'Žemė ir ąžuolas', 'Ķekava', 'Ðað ~ er']
const CELTIC = ['Ŵyth ŷd', 'Ḃliain Ṁór', 'Ṫús maiṫ', 'Ẁel tŷ', 'Ḋia ~ ḋuit']
const ROMANIAN = ['Știri și țări', 'Factură în octombrie', 'Mulțumesc €', 'Ședință', 'Bună ~ ziua Șerban']
const SIMPLIFIED = ['十月份发票', '会议改期通知', '一些镕基问题', '您的订单已发货', '你好 ~ 世界']
const TRADITIONAL = ['十月份發票', '會議改期通知', '您的訂單已出貨', '裏恒碁', '你好 ~ 世界']
const HONGKONG = ['嘅嚟咗', '十月份發票', '啲嘢喺度', '噉樣', '你好 ~ 世界']
const JAPANESE = ['十月の請求書', '会議の延期について①', '髙島屋～ありがとう', 'ｶﾀｶﾅ とカタカナ', 'こんにちは ~ 世界']
const PLAIN_JAPANESE = ['十月の請求書', '会議の延期について', 'ご注文の確認', 'カタカナとひらがな', 'こんにちは ~ 世界']
const KOREAN = ['시월 청구서', '회의 연기 안내', '똠방각하 펲시콜라', '감사합니다', '안녕 ~ 세계']
const ANY = ['Überweisung 十月', 'Счёт Καλημέρα', 'שלום عليكم', '😀 emoji 👩‍💻', 'Grüße ~ aus']

const LABELS = [
  ['utf-8', ANY, 'ff'], ['unicode-1-1-utf-8', ANY, 'e282'], ['iso-8859-1', WESTERN, ''], ['latin1', WESTERN, ''],
  ['cp1252', WESTERN, ''], ['iso-8859-2', CENTRAL, ''], ['windows-1250', CENTRAL, ''], ['iso-8859-3', MALTESE, 'a5'],
  ['iso-8859-4', BALTIC, ''], ['iso-8859-5', CYRILLIC, ''], ['koi8-r', CYRILLIC, ''], ['windows-1251', CYRILLIC, ''],
  ['ibm866', CYRILLIC, ''], ['x-mac-cyrillic', CYRILLIC, ''], ['koi8-u', UKRAINIAN, ''], ['iso-8859-6', ARABIC, 'a1'],
  ['windows-1256', ARABIC, ''], ['iso-8859-7', GREEK, 'ff'], ['windows-1253', GREEK, 'd2'], ['iso-8859-8', HEBREW, 'a1'],
  ['iso-8859-8-i', HEBREW, 'fb'], ['windows-1255', HEBREW, 'd9'], ['iso-8859-9', TURKISH, ''], ['iso-8859-10', NORDIC, ''],
  ['windows-874', THAI, 'db'], ['iso-8859-13', BALTIC, ''], ['iso-8859-14', CELTIC, ''], ['iso-8859-15', EURO, ''],
  ['iso-8859-16', ROMANIAN, ''], ['windows-1258', VIETNAMESE, ''], ['x-mac-roman', WESTERN, ''], ['gb2312', SIMPLIFIED, 'ff'],
  ['x-gbk', SIMPLIFIED, 'ff'], ['gb18030', SIMPLIFIED, 'ff'], ['big5', TRADITIONAL, 'ff'], ['big5-hkscs', HONGKONG, 'ff'],
  ['euc-jp', JAPANESE, 'ff'], ['x-sjis', JAPANESE, 'ff'], ['iso-2022-jp', PLAIN_JAPANESE, 'ff'], ['windows-949', KOREAN, 'ff'],
]

/** Return bytes by character: the shortest sequence that the standard reads as it. */
function encoder(label) {
  const decoder = new Standard(label)
  const known = new Map()
  for (const bytes of SINGLE.includes(decoder.encoding) && decoder.encoding !== 'gbk' ? singles : [...singles, ...pairs()]) {
    const text = decoder.decode(Uint8Array.from(bytes))
    if ([...text].length === 1 && text !== '\ufffd' && !known.has(text)) known.set(text, bytes)
  }
  if (decoder.encoding === 'euc-jp') for (const b of range(0xa1, 0xdf)) known.set(decoder.decode(Uint8Array.of(0x8e, b)), [0x8e, b])
  return (text) => Buffer.from([...text].flatMap((mark) => known.get(mark) ?? fail(`${label} has no ${mark} (${text})`)))
}

function japanese(text) {
  const decoder = new Standard('iso-2022-jp')
  const known = new Map(pairs([0x1b, 0x24, 0x42]).map((bytes) => [decoder.decode(Uint8Array.from(bytes)), bytes.slice(3)]))
  const parts = [...text].map((mark) => (mark < '\x80' ? [mark.charCodeAt(0)] : [0x1b, 0x24, 0x42, ...(known.get(mark) ?? fail(mark)), 0x1b, 0x28, 0x42]))
  return Buffer.from(Buffer.from(parts.flat()).toString('latin1').replaceAll('\x1b(B\x1b$B', ''), 'latin1')
}

function fail(why) {
  throw new Error(why)
}

function encode(label, text, odd) {
  const one = label === 'iso-2022-jp' ? japanese : new Standard(label).encoding === 'utf-8' ? (each) => Buffer.from(each) : encoder(label)
  const [before, after] = text.split('~')
  return after === undefined ? one(text) : Buffer.concat([one(before), Buffer.from(odd, 'hex'), one(after)])
}

function node(label, bytes) {
  try {
    return new TextDecoder(label).decode(bytes)
  } catch {
    return null
  }
}

const messages = LABELS.flatMap(([label, texts, odd]) =>
  texts.map((text) => {
    const bytes = encode(label, text, odd)
    const decoded = new Standard(label).decode(bytes)
    if (decoded !== text.replace('~', odd && '\ufffd')) fail(`${label}: ${decoded}`)
    const other = node(label, bytes)
    return { label, bytes: bytes.toString('hex'), text: decoded, ...(other === decoded ? {} : { node: other }) }
  }),
)

const written = JSON.stringify({ by: '@exodus/bytes 1.16.0', digests, messages }, null, 1)
writeFileSync(new URL('expected.json', import.meta.url), `${written}\n`)
console.log(messages.length, messages.filter((each) => 'node' in each).map((each) => `${each.label}: ${each.node}`))
