-- itriggerd and the ways in: who has no key gets nothing, and who had one gets nothing more.
local itriggerd = require "spec.support.itriggerd"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local f = itriggerd.fixture()

  local function digest(key)
    return itriggerd.shell("printf %s '" .. key .. "' | sha256sum"):match("^%x+")
  end

  it("takes no key of less than 16 characters, whatever the file says", function()
    local d = f.place:start { text = "[client b]\nkey_sha256 = " .. digest "short-key" .. "\napps = one\n" }
    d:await "token app=one"
    assert.equal(401, d:get(f.token_path, nil, "short-key").status)
    assert.equal(401, d:get(f.token_path, nil, "").status)
    assert.equal(401, d:get(f.token_path, nil, false).status)
    assert.equal(200, d:get(f.token_path).status)
  end)

  it("takes each of several keys of a client, and names the one that was used", function()
    local keys = { "first-key-0123456789", "second-key-0123456789", "third-key-0123456789" }
    local lines = {}
    for i, key in ipairs(keys) do
      lines[i] = "key_sha256 = " .. digest(key) .. "\n"
    end
    local d = f.place:start { server = { access_log = "all" },
      text = "[client b]\napps = one\n" .. table.concat(lines) }
    d:await "token app=one"
    for i, key in ipairs(keys) do
      assert.equal(200, d:get(f.token_path, nil, key).status)
      d:await("client=b key=" .. i .. " request=token drop_in=false status=200")
    end
  end)

  it("names the client whose request is wrong, and keeps its connection", function()
    local d = f.place:start()
    d:await "token app=one"
    local answer = d:post(f.refresh_path, '{"refusd":1}')
    assert.equal(400, answer.status)
    assert.is_nil(answer.head:lower():find("connection: close", 1, true))
    d:await("request client=shop key=1 request=refresh drop_in=false status=400 code=400")
  end)

  it("gives a client whose key is taken away no token, also where it waits already", function()
    local other = "[client b]\nkey_sha256 = " .. digest "key-of-b-0123456789" .. "\napps = one\n"
    local d = f.place:start { text = other }
    d:await "token app=one"
    local first = f.granted(d:get(f.token_path))
    local answer = d:begin(f.token_path .. ("?newer_than=%d&wait=30"):format(first.fence), nil, "key-of-b-0123456789")
    d:await_metric('itrigger_pollers{app="one"}', 1)
    f.place:write("itriggerd.ini", f.place:config())
    d:signal "HUP"
    d:await "reload: done"
    local second = f.granted(d:post(f.refresh_path, ('{"refused":%d}'):format(first.fence)))
    answer = answer()
    assert.equal(401, answer.status, answer.body)
    assert.is_nil(answer.body:find(second.accessToken, 1, true))
  end)

  it("answers a poll early when its app changes, so that it waits for the new one's token", function()
    local d = f.place:start { client = { apps = "*" } }
    d:await "token app=one"
    local first = f.granted(d:get(f.token_path))
    local answer = d:begin(f.token_path .. ("?newer_than=%d&wait=60"):format(first.fence))
    d:await_metric('itrigger_pollers{app="one"}', 1)
    f.place:write("itriggerd.ini", f.place:config { client = { apps = "*" }, app = { refresh_margin = 100 } })
    d:signal "HUP"
    d:await "reload: done"
    assert.equal(first.fence, f.granted(answer()).fence)
    assert.equal(0, d:metric "itrigger_requests_polling")
  end)

  it("does nothing for another site's form, whose browser adds the password", function()
    local d = f.place:start()
    d:await "token app=one"
    local form = { "-u", "me:" .. itriggerd.key, "-H", "Origin: https://evil.example", "--data", "" }
    local answer = d:get(f.refresh_path, form, false)
    assert.equal(401, answer.status)
    assert.equal(1, f:fetches())
  end)

  it("shows a monitor page and metrics, and gives it no token", function()
    local key = "key-of-a-monitor-0123456789"
    local d = f.place:start { text = "[client watch]\nkey_sha256 = " .. digest(key) .. "\napps = *\nrole = monitor\n" }
    d:await "token app=one"
    assert.equal(200, d:get("/metrics", nil, key).status)
    assert.equal(200, d:get("/", nil, key).status)
    assert.equal(403, d:get(f.token_path, nil, key).status)
    assert.equal(403, d:post(f.refresh_path, "{}", key).status)
    assert.equal(40002, d:get(("%s?appId=%s&appSecret=%s"):format(itriggerd.vendor, f.place.app_id, key), nil,
      false).json.code)
    assert.equal(1, f:fetches())
  end)

  it("shows the totals of all only to who may see all", function()
    local d = f.place:start { text = "[client all]\nkey_sha256 = " .. digest "key-of-all-0123456789" .. "\napps = *\n" }
    d:await "token app=one"
    assert.is_nil(d:metric "itrigger_connections")
    assert.is_nil(d:metric 'itrigger_answers_total{kind="token",code="200"}')
    assert.is_nil(d:metric 'itrigger_client_requests_total{client="all"}')
    assert.equal(1, d:metric 'itrigger_ready{app="one"}')
    assert.equal(0, d:metric('itrigger_client_requests_total{client="all"}', "key-of-all-0123456789"))
  end)

  it("leaves the socket of another daemon alone when it ends", function()
    local path = f.place.dir .. "/sock"
    local a = f.place:start { server = { listen = "unix:" .. path } }
    os.remove(path)
    local b = f.place:start { server = { listen = "unix:" .. path }, name = "b.ini" }
    assert.equal(0, a:stop())
    assert.truthy(itriggerd.shell("ls " .. path):find(path, 1, true))
    assert.equal(0, b:stop())
    assert.equal("", itriggerd.shell("ls " .. path .. " 2>/dev/null"))
  end)

  it("writes no line ends and no text direction marks of an answer into its log", function()
    f.sb:answer { path = itriggerd.vendor, body = '{"code":500,"message":"a\194\133b\226\128\168c\226\128\174d\\u2029e"}' }
    local d = f.place:start()
    local line = d:await "warning fetch app=one"
    assert.truthy(line:find("a b c d e", 1, true), line)
    assert.is_nil(line:find("[\128-\255]"), line)
  end)

  it("speaks no cipher without forward secrecy or authentication", function()
    itriggerd.shell(("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 "
      .. "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null; chmod 600 key.pem"):format(f.place.dir))
    local d = f.place:start { server = { tls_cert = f.place.dir .. "/cert.pem", tls_key = f.place.dir .. "/key.pem" } }
    d:await "token app=one"
    local function speaks(how)
      return itriggerd.shell(("openssl s_client -connect %s %s </dev/null 2>&1"):format(d.address, how))
        :find("Cipher is [^(]") ~= nil
    end
    assert.is_true(speaks "-tls1_3")
    assert.is_true(speaks "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256")
    assert.is_false(speaks "-tls1_2 -cipher AES128-GCM-SHA256") -- static RSA
    assert.is_false(speaks "-tls1_2 -cipher ECDHE-RSA-AES128-SHA@SECLEVEL=0") -- CBC and SHA-1
    assert.is_false(speaks "-tls1_1")
  end)

  it("says that its certificate has expired", function()
    local certs = f.sb.dir .. "/certs/"
    local path = f.place:write("itriggerd.ini", f.place:config { server = {
      tls_cert = certs .. "expired.pem", tls_key = certs .. "leaf.key" } })
    local said, code = f.place:run("--check --config " .. path)
    assert.equal(0, code, said)
    assert.truthy(said:find("error tls: a certificate in tls_cert expired", 1, true), said)
  end)
end)
