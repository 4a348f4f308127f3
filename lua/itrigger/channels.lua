-- The channels on which members join, by name: `itrigger.channel`.

return {
  wechat = 2,
  tmall_brand = 3,
  pos = 4,
  taobao_h5 = 5,
  referral = 7,
  mall = 10,
  import = 11,
  bargain = 14,
  event_signup = 15,
  member_center = 16,
  face_recognition = 17,
  coupon_pickup = 18,
}
