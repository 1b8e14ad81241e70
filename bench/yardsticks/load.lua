-- wrk: each request is another contact's, with a number in place of the path's `#` or at its end; the headers
-- are those of Firefox 153.
local before, after, serial = nil, nil, 0

function init(args)
    before, after = (args[1] .. "#"):match("^([^#]*)#([^#]*)")
    wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
    wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    wrk.headers["Accept-Language"] = "en-US,en;q=0.5"
    wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
    wrk.headers["Upgrade-Insecure-Requests"] = "1"
    wrk.headers["Sec-Fetch-Dest"] = "document"
    wrk.headers["Sec-Fetch-Mode"] = "navigate"
    wrk.headers["Sec-Fetch-Site"] = "none"
end

function request()
    serial = serial + 1
    return wrk.format("GET", before .. serial .. after)
end
