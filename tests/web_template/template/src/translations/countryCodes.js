const names = { DE: 'Germany', KP: 'North Korea', VN: 'Vietnam' };

export default () => Object.entries(names).map(([code, name]) => ({ code, name }));
