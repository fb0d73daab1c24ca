"""How alike a file's header and a canonical column are named, in English, Polish, Serbian and Indonesian."""

import re
from difflib import SequenceMatcher
from functools import lru_cache

from loyalty_core.intake.cells import plain_letters
from loyalty_core.intake.mapping import DatasetColumn

SAME_SPELLING = 0.75
"""From this likeness on two names are spellings of one word; below it they only share letters."""

# Names under which files bring what many datasets have.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "company_code": (
        *("customer id", "customer no", "customer", "client id", "account", "partner code", "buyer"),
        *("kontrahent", "odbiorca", "klient", "kupac", "klijent", "pelanggan", "mitra"),
    ),
    "company_name": ("customer name", "client name", "partner name", "company"),
    "region": ("country", "area", "territory", "district"),
    "outlet_code": ("store", "shop", "outlet", "branch", "site", "sklep", "prodavnica", "toko"),
    "invoice_no": (
        *("invoice", "invoice number", "document no", "receipt", "bill no", "order no"),
        *("faktura", "paragon", "racun", "faktur", "nota"),
    ),
    "line_no": ("line", "line number", "position", "item no", "lp", "redni broj", "nomor urut"),
    "product_code": (
        *("stock code", "sku", "ean", "item code", "article", "article no", "product id", "material"),
        *("indeks", "symbol", "towar", "artikal", "barang"),
    ),
    "product_name": (
        *("description", "item name", "article name", "product", "product description"),
        *("opis", "opis towaru", "deskripsi", "keterangan"),
    ),
    "brand": ("brand name", "make", "manufacturer", "marka", "brend", "merek", "merk"),
    "product_group": ("category", "group", "family", "product category", "grupa towarowa", "robna grupa"),
    "sold_at": (
        *("invoice date", "date", "sale date", "sold on", "document date", "transaction date", "timestamp"),
        *("data", "datum", "tanggal", "tgl", "data wystawienia"),
    ),
    "sold_on": ("sold at", "date of sale", "data", "datum", "tanggal", "tgl"),
    "quantity": ("qty", "units", "pieces", "amount sold", "volume", "szt", "sztuki", "komada", "jumlah"),
    "unit_price": ("price", "net price", "price per unit", "unit cost", "cena", "cena netto", "harga"),
    "amount": (
        *("net amount", "total", "line total", "net value", "value", "sum"),
        *("wartosc netto", "razem", "iznos", "ukupno", "nilai", "subtotal"),
    ),
    "currency": ("currency code", "curr", "ccy", "waluta", "valuta", "mata uang"),
    "claim_no": ("no klaim", "zgloszenie", "prijava"),
    "participant_code": ("uczestnik", "ucesnik", "peserta", "karta", "broj kartice", "no kartu"),
}

# What words of the four languages say, without accents; a star ends a beginning.
_SAYINGS: dict[str, str] = {
    "number": "no nr num number numer* nbr broj* nomor no. nomer",
    "code": "code codes id kod kode kodu kodovi sifra sifre sif symbol* indeks* index* ref",
    "name": "name names nazwa nazwy naziv* ime imie nama",
    "first": "first given imie depan",
    "last": "last family surname nazwisk* prezime belakang",
    "company": (
        "company companies customer* client* partner* buyer* account klient* kontrahent* odbiorc* firm* kupac kupca"
        " kupci klijent* pelanggan mitra perusahaan konsumen preduzec*"
    ),
    "distributor": "distributor* dystrybutor* supplier* hurtown* distribut* veleprodaj* pemasok",
    "outlet": "outlet* store* shop* branch* site* sklep* oddzial* prodavnic* objek* poslovnic* toko cabang gerai",
    "invoice": "invoice* faktur* receipt* bill racun* paragon* nota document* dokument* dokumen",
    "line": "line* position* pos pozycj* stavk* baris",
    "product": (
        "product* stock sku item* article* produkt* towar* artykul* artik* proizvod* rob* barang produk material*"
    ),
    "date": "date day datum* data dnia dzien dan tanggal tgl",
    "sale": "sale* sold sprzedaz* sprzedan* prodaj* prodat* penjualan jual terjual",
    "quantity": "quantity quantities qty units pieces ilosc* kolicin* kol szt* komad* kom jumlah kuantitas jml liczba",
    "unit": "unit unitary each jednostk* jedinic* satuan",
    "price": "price* cena cene ceny cijena harga",
    "amount": "amount* value* total* sum wartosc* kwot* razem iznos* vrednost* ukupn* nilai",
    "net": "net netto neto bersih",
    "currency": "currency currencies curr ccy walut* valut*",
    "region": "region* area* territor* district* wojewodztw* obszar* oblast* regij* wilayah daerah provinsi",
    "country": "country countries kraj* zemlj* drzav* negara",
    "brand": "brand* make marka marki brend* merek merk",
    "group": "group* categor* family grup* kategor* kelompok",
    "claim": "claim* zgloszen* wniosek wniosk* reklamacj* prijav* zahtev* klaim",
    "participant": "participant* member* person* uczestnik* ucesnik* peserta anggota",
    "card": "card* kart*",
    "programme": "programme* program*",
    "phone": "phone* mobile telefon* tel telepon hp",
    "email": "email mail e-mail",
    "address": "address* adres* alamat street ulica jalan",
    "city": "city town miasto miejscowosc* grad mesto kota",
    "post": "postal post zip pocztow* postansk* pos",
    "tax": "tax vat nip pib npwp porezn*",
    "period": "period* okres* periode",
    "from": "from since start starts od dari mulai begin*",
    "until": "until to end ends do sampai hingga",
    "list": "list* cennik* cenovnik* daftar",
    "budget": "budget* budzet* anggaran",
    "status": "status state stan",
    "role": "role* rola uloga peran",
    "kind": "kind type typ tip jenis",
}
_EXACT: dict[str, str] = {}
_STARTS: list[tuple[str, str]] = []
for _meaning, _words_said in _SAYINGS.items():
    for _said in _words_said.split():
        if _said.endswith("*"):
            _STARTS.append((_said[:-1], _meaning))
        else:
            _EXACT.setdefault(_said, _meaning)
# The longest beginning tells: "distribut" before "dist".
_STARTS.sort(key=lambda one: -len(one[0]))


@lru_cache(maxsize=10_000)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in small letters without accents: “InvoiceNo” has two."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(re.sub(r"[\W_]+", " ", plain_letters(apart)).split())


@lru_cache(maxsize=10_000)
def _meaning_of(word: str) -> str:
    if word in _EXACT:
        return _EXACT[word]
    return next((meaning for start, meaning in _STARTS if word.startswith(start)), word)


@lru_cache(maxsize=10_000)
def _meanings(name: str) -> frozenset[str]:
    return frozenset(map(_meaning_of, words_of(name)))


def _alike(header: str, name: str) -> float:
    said, known = words_of(header), words_of(name)
    if "".join(said) == "".join(known):
        return 1.0
    likeness = SequenceMatcher(None, " ".join(said), " ".join(known)).ratio()
    if likeness < SAME_SPELLING:
        likeness /= 2
    shared = set(said) & set(known)
    if shared:
        likeness = max(likeness, 0.5 + 0.4 * len(shared) / max(len(said), len(known)))
    meant, meanings = _meanings(header), _meanings(name)
    if meant == meanings:
        return max(likeness * 0.95, 0.94)
    both = len(meant & meanings)
    return max(likeness, 0.45 + 0.4 * both / len(meant | meanings) if both else 0.0) * 0.95


@lru_cache(maxsize=20_000)
def likeness(header: str, column: DatasetColumn) -> float:
    """Return how alike a header is to the names of a canonical column, from 0 to 1."""
    if not words_of(header):
        return 0.0
    names = (column.name, *column.also_called, *_USUAL_NAMES.get(column.name, ()))
    return max(_alike(header, name) for name in names if words_of(name))
