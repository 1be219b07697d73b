//! One encoded stream to many viewers. The only folder that names rtc and webrtc.
