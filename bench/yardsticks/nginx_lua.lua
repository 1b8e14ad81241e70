-- A tracked click by nginx + Lua + Redis: the link's signature checked once, a click id, a token under AES-GCM,
-- one XADD over a kept connection, a cookie and a redirect.
local ffi = require "ffi"
local base64 = require "ngx.base64"
local redis = require "nginx.redis"

ffi.cdef [[
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
const void *EVP_aes_256_gcm(void);
const void *EVP_sha256(void);
int EVP_EncryptInit_ex(EVP_CIPHER_CTX *, const void *, void *, const char *, const char *);
int EVP_EncryptUpdate(EVP_CIPHER_CTX *, char *, int *, const char *, int);
int EVP_EncryptFinal_ex(EVP_CIPHER_CTX *, char *, int *);
int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *, int, int, void *);
int RAND_bytes(char *, int);
unsigned char *HMAC(const void *, const void *, int, const char *, size_t, char *, unsigned int *);
]]

local C = ffi.load "libcrypto.so.3"
local cipher = C.EVP_CIPHER_CTX_new()
local out, length = ffi.new "char[512]", ffi.new "int[1]"
local links, ready, key, socket = {}, false, nil, nil

local function random(count)
    C.RAND_bytes(out, count)
    return ffi.string(out, count)
end

local function open(token)
    local raw = base64.decode_base64url(token)
    if not raw or #raw < 39 then return nil end
    local body, tag = raw:sub(1, -17), raw:sub(-16)
    C.HMAC(C.EVP_sha256(), key, #key, body, #body, out, nil)
    if ffi.string(out, 16) ~= tag then return nil end
    return { claims = body:sub(3, 18), url = body:sub(19) }
end

local function seal(text)
    local nonce = random(12)
    C.EVP_EncryptInit_ex(cipher, not ready and C.EVP_aes_256_gcm() or nil, nil, key, nonce)
    ready = true
    C.EVP_EncryptUpdate(cipher, out, length, text, #text)
    local size = length[0]
    C.EVP_EncryptFinal_ex(cipher, out + size, length)
    C.EVP_CIPHER_CTX_ctrl(cipher, 0x10, 16, out + size) -- EVP_CTRL_GCM_GET_TAG
    return base64.encode_base64url(nonce .. ffi.string(out, size + 16))
end

local M = {}

function M.setup(path, hex)
    socket = "unix:" .. path
    key = hex:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end)
end

function M.answer()
    local name = ngx.var.uri:sub(4)
    local link = links[name]
    if not link then
        link = open(name)
        if not link then return ngx.exit(404) end
        links[name] = link
    end
    local contact = ngx.var.arg_k or ""
    local id = string.format("%012x", ngx.now() * 1000) .. random(10)
    local token = seal(id .. link.claims .. contact)
    local connection = redis:new()
    connection:set_timeout(1000)
    if not connection:connect(socket) then return ngx.exit(503) end
    local added = connection:xadd("clicks", "MAXLEN", "~", "100000", "*", "i", id, "l", link.claims, "k", contact,
        "a", ngx.var.http_user_agent, "p", ngx.var.remote_addr)
    if not added then return ngx.exit(503) end
    connection:set_keepalive(10000, 100)
    local headers = ngx.header
    headers["Set-Cookie"] = "spx1=" .. token .. "; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"
    headers["Location"] = link.url .. "&spx=" .. token
    headers["Cache-Control"] = "no-store, private"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Robots-Tag"] = "noindex"
    headers["Content-Length"] = 0
    ngx.status = 302
    ngx.send_headers()
end

return M
