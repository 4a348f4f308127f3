-- itriggerd's reloads that come to nothing, or come while clients wait.
local itriggerd = require "spec.support.itriggerd"

describe("a reload of itriggerd", function()
  if itriggerd.missing() then
    pending(itriggerd.missing())
    return
  end

  local f = itriggerd.fixture()
  local d, cert

  -- A new certificate for localhost, in the place of the last one.
  local function make_certificate()
    itriggerd.shell(("umask 077; cd %s; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
      .. "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null"):format(f.place.dir))
  end

  before_each(function()
    cert = f.place.dir .. "/cert.pem"
    make_certificate()
    d = f.place:start { server = { tls_cert = cert, tls_key = f.place.dir .. "/key.pem" } }
    d.url = "https://localhost:" .. d.address:match(":(%d+)")
  end)

  local function reload(said)
    d:signal "HUP"
    return d:await(said)
  end

  -- A request that waits for a token newer than `fence`; returns once it is on its way on a connection
  -- to the server of now.
  local function poll(fence)
    local pipe = assert(io.popen(("curl -sv --noproxy '*' --max-time 60 --insecure -H 'Authorization: Bearer %s' "
      .. "'%s%s?newer_than=%s&wait=60' 2>&1"):format(itriggerd.key, d.url, f.token_path, fence)))
    repeat
      local line = assert(pipe:read("*l"))
    until line:find("^> GET ")
    return pipe
  end

  it("with new certificates, again and again, is in force at once and ends no request that waits", function()
    local fence = assert(d:get(f.token_path, { "--cacert", cert }).body:match('"fence":(%d+)'))
    local polls = {}
    for i = 1, 10 do
      polls[i] = poll(fence)
      make_certificate()
      reload "reload: done"
      assert.equal(200, d:get(f.token_path, { "--cacert", cert }).status)
    end
    d:get(f.refresh_path, { "--insecure", "--data-binary", ('{"refused":%s}'):format(fence) })
    for _, pipe in ipairs(polls) do
      local text = pipe:read("*a")
      pipe:close()
      assert.truthy(text:find('"code":200', 1, true), text)
    end
    assert.equal(0, d:stop())
  end)

  it("that fails leaves no trace: what needs a restart is said again by the next one", function()
    local key = f.place.dir .. "/key.pem"
    f.place:write("itriggerd.ini", f.place:config { server = { listen = "127.0.0.1:1", tls_cert = cert, tls_key = cert } })
    reload("the old configuration stays")
    f.place:write("itriggerd.ini", f.place:config { server = { listen = "127.0.0.1:1", tls_cert = cert, tls_key = key } })
    reload("reload: done")
    local _, told = table.concat(d.log, "\n"):gsub("listen changed; it takes effect after a restart", "")
    assert.equal(2, told)
    assert.equal(200, d:get(f.token_path, { "--cacert", cert }).status)
  end)
end)
