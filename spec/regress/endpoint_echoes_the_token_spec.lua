-- A message of the token endpoint that contained the live token was shown in clear: in the error, in
-- last_error and the events of stats(), and in the record that others read.
local face = require "spec.support.face"
local fleet = require "spec.support.fleet"
local sandbox = require "spec.support.sandbox"

local live, fresh = "l1ve-token-0123456789", "fr3sh-token-0123456789"

describe("a token that the token endpoint echoes", function()
  local sb, place, client

  before_each(function()
    sb = sandbox.shared()
    sb:reset()
    place = fleet.place(sb, { min_refresh_interval = 0 })
    client = face.client(sb, place:with())
    sb:token { next_tokens = { live } }
    assert.equal(live, assert(client:token()))
  end)

  after_each(function()
    client:close()
    sb:reset()
    place:remove()
  end)

  it("is in no error, in no event and not in the record", function()
    local body = ('{"code":50001,"message":"%s is still good, here is %s","data":{"accessToken":"%s"}}')
      :format(live, fresh, fresh)
    sb:token { next_answers = { { body = body } } }
    local token, err = client:refresh()
    assert.equal(live, token)
    assert.equal(50001, err.code)
    local stats = client:stats()
    local shown = { err.message, tostring(err), stats.last_error.message, place:record().error_text }
    for _, event in ipairs(stats.events) do
      shown[#shown + 1] = event.error and event.error.message
    end
    assert.is_true(#shown >= 5)
    for _, text in ipairs(shown) do
      assert.truthy(text:find "%*%*%*", text)
      assert.is_nil(text:find("l1ve", 1, true), text)
      assert.is_nil(text:find("fr3sh", 1, true), text)
    end
  end)
end)
