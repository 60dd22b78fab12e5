# Computes the vectors in src/pin_protocol/tests.rs without any code of this crate: python cryptography over OpenSSL.
import hashlib, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
a=ec.derive_private_key(int.from_bytes(bytes(range(1,33)),'big'), ec.SECP256R1())
b=ec.derive_private_key(int.from_bytes(bytes(range(33,65)),'big'), ec.SECP256R1())
def pub(k):
    n=k.public_key().public_numbers(); return n.x.to_bytes(32,'big'), n.y.to_bytes(32,'big')
print('a',*[x.hex() for x in pub(a)]); print('b',*[x.hex() for x in pub(b)])
z=a.exchange(ec.ECDH(), b.public_key()); print('z',z.hex())
k1=hashlib.sha256(z).digest(); print('k1',k1.hex())
hk=lambda i: HKDF(hashes.SHA256(),32,b'\0'*32,i).derive(z)
h2,a2=hk(b'CTAP2 HMAC key'),hk(b'CTAP2 AES key'); print('h2',h2.hex()); print('a2',a2.hex())
m=bytes(range(64))
def enc(k,iv,m):
    e=Cipher(algorithms.AES(k),modes.CBC(iv)).encryptor(); return e.update(m)+e.finalize()
print('e1',enc(k1,b'\0'*16,m).hex())
iv=bytes(range(0xa0,0xb0)); print('e2',(iv+enc(a2,iv,m)).hex())
print('m1',hmac.new(k1,m,'sha256').digest()[:16].hex()); print('m2',hmac.new(h2,m,'sha256').digest().hex())
t=bytes(range(0x40,0x60))
print('t1',hmac.new(t,m,'sha256').digest()[:16].hex()); print('t2',hmac.new(t,m,'sha256').digest().hex())
