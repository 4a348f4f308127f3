-- itriggerd on Redis: it may be killed at any moment, and two stand by for each other; with TLS.
local client = require "itrigger.client"
local face = require "spec.support.face"
local itriggerd = require "spec.support.itriggerd"
local redis = require "spec.support.redis"
local sandbox = require "spec.support.sandbox"

if itriggerd.missing() then
  pending(itriggerd.missing())
  return
end

describe("itriggerd", function()
  local sb, place, token_path, refresh_path

  setup(function()
    sb = sandbox.shared()
  end)

  before_each(function()
    sb:reset()
    place = itriggerd.place(sb)
    token_path = "/v1/apps/" .. place.app_id .. "/token"
    refresh_path = "/v1/apps/" .. place.app_id .. "/refresh"
  end)

  after_each(function()
    place:remove()
    sb:reset()
  end)

  local function granted(answer)
    assert.equal(200, answer.status, answer.body)
    return answer.json.data
  end

  describe("on Redis", function()
    local why_not = redis.missing()
    if why_not then
      pending(why_not)
      return
    end

    local server, store

    before_each(function()
      server = redis.start()
      store = { token_store = server.address }
    end)

    after_each(function()
      server:remove()
    end)

    it("keeps its token over kill -9", function()
      local d = place:start { server = store }
      d:await "token app=one"
      local first = granted(d:get(token_path))
      d:stop "KILL"
      d = place:start { server = store }
      assert.truthy(d:await("token app=one"):find("from redis", 1, true))
      assert.equal(first.accessToken, granted(d:get(token_path)).accessToken)
      assert.equal(1, sb:state().fetches)
    end)

    it("two share one token: one fetch at the start, and one for a refusal that both hear of", function()
      local a = place:start { server = store }
      a:await "token app=one"
      local b = place:start { server = store }
      b:await "token app=one"
      local first = granted(a:get(token_path))
      assert.same(first.fence, granted(b:get(token_path)).fence)
      assert.equal(1, sb:state().fetches)
      local body = ('{"refused":%d}'):format(first.fence)
      local second = granted(a:post(refresh_path, body))
      assert.equal(second.fence, granted(b:post(refresh_path, body)).fence)
      assert.equal(2, sb:state().fetches)
    end)

    it("one hears of a refused token that only the other had", function()
      local a = place:start { server = store, app = { min_refresh_interval = 0 } }
      a:await "token app=one"
      local b = place:start { server = store, app = { min_refresh_interval = 0 } }
      b:await "token app=one"
      local first = granted(a:get(token_path))
      local second = granted(a:post(refresh_path, ('{"refused":%d}'):format(first.fence)))
      -- b still holds the first; the second is refused, and reported to b.
      local third = granted(b:post(refresh_path, ('{"refused":%d}'):format(second.fence)))
      assert.is_true(third.fence > second.fence)
      assert.equal(3, sb:state().fetches)
    end)

    it("either is killed, clients of both keep calling, and each refresh costs one fetch", function()
      sb:token { kind = "overlap", life_ms = 2000 }
      local app = { token_ttl = 2, min_refresh_interval = 0 }
      local a = place:start { server = store, app = app, name = "a.ini" }
      a:await "token app=one"
      local b = place:start { server = store, app = app, name = "b.ini" }
      b:await "token app=one"
      local c = assert(client.new(place:client_options(b, { token_ttl = 2 })))
      local function call_until(d, text)
        assert(c:get(face.echo_get))
        d:await(text)
        assert(c:get(face.echo_get))
      end
      for _ = 1, 2 do
        call_until(b, "token app=one")
      end
      local before = sb:state().fetches
      assert.is_true(before <= 4, tostring(before)) -- one at the start, and one for each token that b noted
      a:stop "KILL"
      for _ = 1, 2 do
        call_until(b, "token app=one")
      end
      c:close()
    end)
  end)

  describe("with TLS", function()
    local function serve_with(name)
      itriggerd.shell(("cp %s/certs/%s.pem %s/cert.pem; cp %s/certs/leaf.key %s/cert.key; chmod 600 %s/cert.key"):format(
        sb.dir, name, place.dir, sb.dir, place.dir, place.dir))
      return { tls_cert = place.dir .. "/cert.pem", tls_key = place.dir .. "/cert.key" }
    end

    local function https(d)
      return "https://localhost:" .. d.address:match("%d+$")
    end

    it("gives tokens to clients that verify it, and to nobody without", function()
      local d = place:start { server = serve_with "good" }
      d:await "token app=one"
      assert.is_nil(d:get(token_path).status)
      local c = assert(client.new(place:client_options(d, { token_store = https(d), ca_file = sb.ca_file })))
      assert(c:get(face.echo_get))
      c:close()
      c = assert(client.new(place:client_options(d, { token_store = https(d) })))
      local token, err = c:token()
      assert.is_nil(token)
      assert.equal("store", err.kind)
      c:close()
    end)

    it("takes new certificates by SIGHUP, and keeps the old ones when the new are bad", function()
      local d = place:start { server = serve_with "good" }
      local function serial()
        return itriggerd.shell(("openssl s_client -connect %s </dev/null 2>/dev/null | openssl x509 -noout -fingerprint")
          :format(d.address))
      end
      local first = serial()
      assert.truthy(first:find("Fingerprint", 1, true), first)
      serve_with "expired"
      d:signal "HUP"
      d:await "reload: done"
      local second = serial()
      assert.truthy(second:find("Fingerprint", 1, true), second)
      assert.not_equal(first, second)
      place:write("cert.pem", "junk\n")
      d:signal "HUP"
      d:await "the old configuration stays"
      assert.equal(second, serial())
    end)
  end)
end)
